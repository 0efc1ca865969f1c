//! From method and path to an operation. A tree of segments, built once; exact segments before parameters.

use axum::http::Method;
use frontdesk_model::hex;

use crate::operation::{Operation, path_parameters};

/// All routes below `/1.0`.
#[derive(Default)]
pub(crate) struct Routes {
    root: Node,
}

#[derive(Default)]
struct Node {
    /// Sorted by segment.
    exact: Vec<(&'static str, Node)>,
    parameter: Option<Box<Node>>,
    ends: Vec<End>,
}

struct End {
    method: Method,
    operation: usize,
    pattern: &'static str,
    names: Vec<&'static str>,
}

/// Where a request belongs.
#[derive(Debug, PartialEq)]
pub(crate) struct Found {
    /// Index into the table.
    pub(crate) operation: usize,
    /// The path as declared, for the log.
    pub(crate) pattern: &'static str,
    /// The path's parameters, decoded.
    pub(crate) values: Vec<(&'static str, String)>,
}

/// Why a request belongs nowhere.
#[derive(Debug, PartialEq)]
pub(crate) enum Lost {
    /// No operation has this path.
    Path,
    /// Operations have this path, under these methods.
    Method(Vec<Method>),
}

impl Routes {
    /// The tree, and what cannot be reached because an earlier operation has the same route.
    pub(crate) fn new(operations: &[Operation]) -> (Routes, Vec<String>) {
        let mut routes = Routes::default();
        let mut faults = Vec::new();
        for (index, operation) in operations.iter().enumerate() {
            let own = (operation.method.clone(), operation.path);
            for (method, pattern) in std::iter::once(own).chain(operation.aliases.iter().cloned()) {
                let node = routes.root.reach(pattern);
                if node.ends.iter().any(|end| end.method == method) {
                    faults.push(format!("{}: {method} {pattern} is taken", operation.id));
                    continue;
                }
                node.ends.push(End { method, operation: index, pattern, names: path_parameters(pattern).collect() });
            }
        }
        (routes, faults)
    }

    /// `path` is the raw path of the request, `/1.0` included. Doubled and trailing slashes do not matter; HEAD is GET.
    pub(crate) fn find(&self, method: &Method, path: &str) -> Result<Found, Lost> {
        let mut segments = path.split('/').filter(|segment| !segment.is_empty());
        if segments.next() != Some("1.0") {
            return Err(Lost::Path);
        }
        let segments: Vec<&str> = segments.collect();
        let method = if method == Method::HEAD { &Method::GET } else { method };
        let mut taken = Vec::new();
        let mut others = Vec::new();
        let end = self.root.find(method, &segments, &mut taken, &mut others);
        let found = end.and_then(|end| {
            let values = end.names.iter().zip(&taken).map(|(name, raw)| Some((*name, decode(raw)?)));
            Some(Found { operation: end.operation, pattern: end.pattern, values: values.collect::<Option<_>>()? })
        });
        found.ok_or(if others.is_empty() { Lost::Path } else { Lost::Method(others) })
    }
}

impl Node {
    /// The node of a declared path, made where it is missing.
    fn reach(&mut self, pattern: &'static str) -> &mut Node {
        let mut node = self;
        for segment in pattern.split('/').filter(|segment| !segment.is_empty()) {
            node = if segment.starts_with('{') {
                node.parameter.get_or_insert_default()
            } else {
                let at = match node.exact.binary_search_by_key(&segment, |(known, _)| known) {
                    Ok(at) => at,
                    Err(at) => {
                        node.exact.insert(at, (segment, Node::default()));
                        at
                    }
                };
                &mut node.exact[at].1
            };
        }
        node
    }

    /// The end for a method. `PUT /users/me` is tried as `/users/{userId}` when only GET knows `/users/me`.
    fn find<'p>(
        &self,
        method: &Method,
        segments: &[&'p str],
        taken: &mut Vec<&'p str>,
        others: &mut Vec<Method>,
    ) -> Option<&End> {
        let Some((segment, rest)) = segments.split_first() else {
            let end = self.ends.iter().find(|end| end.method == *method);
            if end.is_none() {
                others.extend(self.ends.iter().map(|end| end.method.clone()));
            }
            return end;
        };
        if let Ok(at) = self.exact.binary_search_by_key(segment, |(known, _)| known)
            && let Some(end) = self.exact[at].1.find(method, rest, taken, others)
        {
            return Some(end);
        }
        let parameter = self.parameter.as_ref()?;
        taken.push(segment);
        let end = parameter.find(method, rest, taken, others);
        if end.is_none() {
            taken.pop();
        }
        end
    }
}

/// Undoes `%XX`; a plus sign is itself in a path. None when it is not UTF-8 or holds U+0000: nothing is named so.
fn decode(raw: &str) -> Option<String> {
    if !raw.contains('%') {
        return Some(raw.to_owned());
    }
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        match tail.get(..2).and_then(hex::pair).filter(|_| *byte == b'%') {
            Some(value) => {
                bytes.push(value);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*byte);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::operation::NoParameters;

    fn operation(method: Method, path: &'static str) -> Operation {
        Operation::read(path, method, path, |_, _: NoParameters, _| Ok(true))
    }

    fn routes() -> Routes {
        let (routes, faults) = Routes::new(&[
            operation(Method::GET, "/users"),
            operation(Method::GET, "/users/me"),
            operation(Method::GET, "/users/{userId}"),
            operation(Method::PUT, "/users/{userId}"),
            operation(Method::POST, "/users/invite"),
            operation(Method::GET, "/users/{userId}/signatures/{signatureId}"),
            operation(Method::GET, "/threads/{threadId}/open").alias(Method::PUT, "/threads/{threadId}/open"),
        ]);
        assert_eq!(faults, Vec::<String>::new());
        routes
    }

    #[test]
    fn paths_lead_to_operations() {
        let routes = routes();
        for (method, path, operation, values) in [
            (Method::GET, "/1.0/users", 0, vec![]),
            (Method::HEAD, "/1.0/users/", 0, vec![]),
            (Method::GET, "//1.0//users", 0, vec![]),
            (Method::GET, "/1.0/users/me", 1, vec![]),
            (Method::GET, "/1.0/users/a%20b+c", 2, vec![("userId", "a b+c".to_owned())]),
            (Method::PUT, "/1.0/users/me", 3, vec![("userId", "me".to_owned())]),
            (Method::POST, "/1.0/users/invite", 4, vec![]),
            (Method::GET, "/1.0/users/invite", 2, vec![("userId", "invite".to_owned())]),
            (
                Method::GET,
                "/1.0/users/1/signatures/2",
                5,
                vec![("userId", "1".to_owned()), ("signatureId", "2".to_owned())],
            ),
            (Method::PUT, "/1.0/threads/1/open", 6, vec![("threadId", "1".to_owned())]),
        ] {
            let found = routes.find(&method, path).expect(path);
            assert_eq!((found.operation, found.values), (operation, values), "{method} {path}");
        }
    }

    #[test]
    fn other_paths_and_methods_lead_nowhere() {
        let routes = routes();
        for path in [
            "/",
            "",
            "/1.0",
            "/1.0/nothing",
            "/users",
            "/1.1/users",
            "/1.0/users/1/2",
            "/1.0/users/%ff",
            "/1.0/users/%00",
        ] {
            assert_eq!(routes.find(&Method::GET, path), Err(Lost::Path), "{path}");
        }
        assert_eq!(routes.find(&Method::DELETE, "/1.0/users"), Err(Lost::Method(vec![Method::GET])));
    }

    #[test]
    fn a_route_declared_twice_is_told() {
        let twice = [operation(Method::GET, "/a/{b}"), operation(Method::GET, "/a/{c}")];
        assert_eq!(Routes::new(&twice).1, ["/a/{c}: GET /a/{c} is taken"]);
    }

    proptest! {
        #[test]
        fn any_path_leads_somewhere_or_nowhere(path in "(/|1\\.0|users|me|%|[a-f0-9]|é){0,30}") {
            let _ = routes().find(&Method::GET, &format!("/1.0/{path}"));
        }
    }
}
