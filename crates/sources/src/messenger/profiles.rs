//! Who a customer is, beyond their id: asked for with a right that not every app has.

use crate::Settings;
use crate::graph::{self, failure};
use crate::outbound::{Answer, Failure, Method, Request};
use crate::profiles::Profile;

/// Asks who somebody is.
pub(super) fn request(known: &Settings, customer: &str) -> Option<Request> {
    let mut request = graph::request(known, Method::Get, &[customer], None)?;
    request.url.push_str("?fields=first_name,last_name,profile_pic");
    Some(request)
}

/// Reads who they are.
pub(super) fn read(answer: &Answer) -> Result<Profile, Failure> {
    if !answer.is_success() {
        return Err(failure(answer));
    }
    let told = answer.json();
    Ok(Profile {
        firstname: graph::name_of(&told["first_name"]),
        lastname: graph::name_of(&told["last_name"]),
        avatar_url: graph::url_of(&told["profile_pic"]),
    })
}

#[cfg(test)]
mod tests {
    use frontdesk_model::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::outbound::Class;
    use crate::validate_settings;

    #[test]
    fn profiles_are_asked_for_and_read() {
        let given = json!({"facebook_page_id": "12", "facebook_page_token": "token"});
        let known = validate_settings(&super::super::KIND, given.as_object().unwrap()).unwrap();
        let asked = request(&known, "9/../8").unwrap();
        assert!(asked.url.contains("/9%2F..%2F8?fields=first_name,") && asked.headers.len() == 1, "{}", asked.url);
        let answer = |status, body: &'static str| Answer {
            status,
            headers: Vec::new(),
            body: body.as_bytes(),
            truncated: false,
            now: Timestamp::from_micros(0),
        };
        let body = r#"{"first_name":" Vera\u0000 ","last_name":"","profile_pic":"javascript:x","id":"9"}"#;
        let told = read(&answer(200, body)).unwrap();
        assert_eq!((told.firstname.as_deref(), told.lastname, told.avatar_url), (Some("Vera"), None, None));
        let refused = read(&answer(403, r#"{"error":{"code":200,"message":"No right"}}"#)).unwrap_err();
        assert!(refused.class.is_final() && refused.class != Class::Unknown);
    }
}
