//! The user on whose behalf something happens, with all that decides what they may see and do.

use std::sync::Arc;

use crate::permissions::RightsBySource;
use crate::{Error, Id, Permission, Permissions, Result, SourceRight, SourceRights, error};

/// An authenticated user: the token's owner, or the user they act as.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The user.
    pub user_id: Id,
    /// The token's owner: somebody else while they act as the user.
    pub owner_id: Id,
    /// The token by which they came; none for what the program does in somebody's name.
    pub token_id: Option<Id>,
    /// The session by which they came; none for everybody who is not at a console.
    pub session_id: Option<Id>,
    /// Their role's permissions.
    pub permissions: Permissions,
    /// Their rights, source by source.
    pub sources: Arc<RightsBySource>,
}

impl Caller {
    /// Whether the role holds this permission.
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.has(permission)
    }

    /// 403 unless the role holds one of these permissions.
    pub fn require_any(&self, permissions: &[Permission]) -> Result<(), Error> {
        if permissions.iter().any(|permission| self.may(*permission)) {
            return Ok(());
        }
        let names: Vec<_> = permissions.iter().map(|permission| permission.name()).collect();
        Err(error::forbidden(format!("Your role lacks the permission {}.", names.join(" or "))))
    }

    /// Whether this user may do all that the other may, on every source and no less supervised: who may become somebody,
    /// by their password, a token or acting as them, must not gain by it. Whose role holds every permission may give
    /// themselves any right and so gains nothing.
    pub fn covers(&self, other: &Caller) -> bool {
        let grants = |(id, rights): (&Id, &SourceRights)| self.rights(*id).may_grant(SourceRights::default(), *rights);
        self.permissions == Permissions::ALL
            || self.permissions.covers(other.permissions) && other.sources.iter().all(grants)
    }

    /// The rights on one source; none when it is unknown.
    pub fn rights(&self, source_id: Id) -> SourceRights {
        self.sources.get(&source_id).copied().unwrap_or_default()
    }

    /// Whether the caller holds this right on this source.
    pub fn may_on(&self, source_id: Id, right: SourceRight) -> bool {
        self.rights(source_id).has(right)
    }

    /// 403 unless the caller may reply on this source.
    pub fn require_to_reply(&self, source_id: Id) -> Result<()> {
        match self.may_on(source_id, SourceRight::Reply) {
            true => Ok(()),
            false => Err(error::forbidden("You may not reply on this source.")),
        }
    }

    /// The sources on which the caller holds this right, in order.
    pub fn sources_with(&self, right: SourceRight) -> Vec<Id> {
        let mut ids: Vec<Id> = self.sources.iter().filter(|(_, rights)| rights.has(right)).map(|(id, _)| *id).collect();
        ids.sort_unstable();
        ids
    }
}
