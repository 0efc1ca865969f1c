//! What a handler knows about the request it serves, beside its parameters.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use frontdesk_model::{Caller, Env, Id, Result, error};

/// One request, authenticated.
pub struct Call {
    /// On whose behalf it runs.
    pub caller: Caller,
    /// Clock, chance and ids.
    pub env: Env,
    /// The id that answer and log carry.
    pub request_id: Id,
    /// Whether `extended=true` asks for the properties that are Frontdesk's own.
    pub extended: bool,
    /// The file of an upload; set in operations made by [`crate::Operation::upload`], and only there.
    pub upload: Option<Arc<Upload>>,
    /// What [`crate::Operation::prepare`] made of its parameter; none when that was not given.
    pub prepared: Option<String>,
    pub(crate) path: Arc<[(&'static str, String)]>,
}

impl Call {
    /// A call that comes from within the program, for [`crate::Operation::perform`]. `path` holds the parameters of the
    /// operation's path.
    pub fn from_within(caller: Caller, env: Env, path: Vec<(&'static str, String)>) -> Call {
        let request_id = env.id();
        Call { caller, env, request_id, extended: false, upload: None, prepared: None, path: path.into() }
    }

    /// A parameter of the path as text, decoded.
    pub fn path(&self, name: &str) -> Result<&str> {
        let found = self.path.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_str()).ok_or_else(|| error::broken(format!("the path has no parameter {name}")))
    }

    /// A parameter of the path as an id. A malformed one is a 404 about `noun`: nothing has such an id.
    pub fn id(&self, name: &str, noun: &str) -> Result<Id> {
        self.path(name)?.parse().map_err(|_| error::not_found(noun))
    }

    /// The uploaded file.
    pub fn file(&self) -> Result<&Upload> {
        self.upload.as_deref().ok_or_else(|| error::broken("an operation without upload asked for its file"))
    }
}

/// A received file. The temporary file goes when this value does, unless it was moved away.
#[derive(Debug)]
pub struct Upload {
    pub(crate) path: PathBuf,
    /// SHA-256 of its bytes.
    pub sha256: [u8; 32],
    /// In bytes.
    pub size: u64,
    /// As the sender named it: no folders, no control characters, at most 255 characters; never empty.
    pub file_name: String,
    /// As the sender declared it, not checked; `application/octet-stream` when undeclared.
    pub content_type: String,
}

impl Upload {
    /// Where its bytes are, durable on disk. A handler may link or copy it; moving it breaks a second run of the handler.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        // A handler may have moved it away; anything else is swept at the next start.
        let _ = std::fs::remove_file(&self.path);
    }
}
