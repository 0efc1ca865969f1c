//! What a role allows, and what a user may do on one source.

use std::collections::HashMap;

use crate::Id;

macro_rules! permissions {
    ($($variant:ident $name:literal,)*) => {
        /// One permission of a role, under the name that REST uses (union of the published lists).
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[allow(missing_docs, reason = "the wire name beside each variant is its documentation")]
        pub enum Permission { $($variant,)* }

        impl Permission {
            /// All permissions, in the order of their bits in the store: append only.
            pub const ALL: &[Permission] = &[$(Permission::$variant,)*];

            /// The wire name.
            pub fn name(self) -> &'static str {
                match self { $(Permission::$variant => $name,)* }
            }
        }
    };
}

permissions! {
    AccessHelpCenter "access_help_center",
    AccessPreviousMessages "access_previous_messages",
    AccessPullMode "access_pull_mode",
    AdminStampAnswer "admin_stamp_answer",
    AnonymizeIdentity "anonymize_identity",
    ApproveContent "approve_content",
    AskAnExpert "ask_an_expert",
    AssignIntervention "assign_intervention",
    AuthorBlockContent "author_block_content",
    CloseContentThread "close_content_thread",
    CreateAndDestroyExtension "create_and_destroy_extension",
    CreateCommunity "create_community",
    CreateContentSource "create_content_source",
    CreateUser "create_user",
    DelayExportContent "delay_export_content",
    DeleteContentThread "delete_content_thread",
    EscalateToVideo "escalate_to_video",
    ExportIdentity "export_identity",
    ImpersonateUser "impersonate_user",
    InviteUser "invite_user",
    LockIdentity "lock_identity",
    ManageApiAccessTokens "manage_api_access_tokens",
    ManageAppSdkApplications "manage_app_sdk_applications",
    ManageAutomaticExportsTasks "manage_automatic_exports_tasks",
    ManageCategories "manage_categories",
    ManageChat "manage_chat",
    ManageCustomFields "manage_custom_fields",
    ManageCustomNotifications "manage_custom_notifications",
    ManageEmailsTemplates "manage_emails_templates",
    ManageFolders "manage_folders",
    ManageIce "manage_ice",
    ManageIdentities "manage_identities",
    ManageMessaging "manage_messaging",
    ManageOwnNotifications "manage_own_notifications",
    ManageReplyAssistant "manage_reply_assistant",
    ManageRoles "manage_roles",
    ManageRulesEngineRules "manage_rules_engine_rules",
    ManageSurveys "manage_surveys",
    ManageTags "manage_tags",
    ManageTeams "manage_teams",
    ManageTopologies "manage_topologies",
    ManageUsersOfMyTeams "manage_users_of_my_teams",
    MonitorTasks "monitor_tasks",
    MonitorTeamTasks "monitor_team_tasks",
    MuteContent "mute_content",
    OpenContentThread "open_content_thread",
    PublishContent "publish_content",
    ReadCommunity "read_community",
    ReadContentSource "read_content_source",
    ReadEvent "read_event",
    ReadExport "read_export",
    ReadIdentity "read_identity",
    ReadOwnStats "read_own_stats",
    ReadPresence "read_presence",
    ReadStats "read_stats",
    ReadSurveys "read_surveys",
    ReadUser "read_user",
    ReceiveTasks "receive_tasks",
    ReplyWithAssistant "reply_with_assistant",
    SearchContents "search_contents",
    SearchEvent "search_event",
    UpdateCommunity "update_community",
    UpdateContentSource "update_content_source",
    UpdateExtension "update_extension",
    UpdateIdentity "update_identity",
    UpdateIntervention "update_intervention",
    UpdateOwnIntervention "update_own_intervention",
    UpdateSettings "update_settings",
    UpdateTimeSheet "update_time_sheet",
    UpdateUser "update_user",
    UseCobrowsing "use_cobrowsing",
    UseEmoji "use_emoji",
    AccessAdvancedAnalytics "access_advanced_analytics",
    ManageAdvancedAnalytics "manage_advanced_analytics",
}

/// What manage_users_of_my_teams limits.
const OVER_USERS: &[Permission] = &[
    Permission::CreateUser,
    Permission::ImpersonateUser,
    Permission::InviteUser,
    Permission::ReadUser,
    Permission::UpdateUser,
];

/// A set of permissions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Permissions(u128);

impl Permissions {
    /// Every permission: what an administrator holds.
    pub const ALL: Permissions = Permissions((1 << Permission::ALL.len()) - 1);

    /// Whether the set holds this permission.
    pub fn has(self, permission: Permission) -> bool {
        self.0 & 1 << permission as u32 != 0
    }

    /// The set with or without this permission.
    pub fn with(self, permission: Permission, held: bool) -> Permissions {
        let bit = 1 << permission as u32;
        Permissions(if held { self.0 | bit } else { self.0 & !bit })
    }

    /// Whether every permission of `other` is in this set, and reaches no further than in this one.
    pub fn covers(self, other: Permissions) -> bool {
        let reaches_further = self.are_limited_to_teams()
            && !other.are_limited_to_teams()
            && OVER_USERS.iter().any(|permission| other.has(*permission));
        other.0 & !self.0 == 0 && !reaches_further
    }

    /// Whether what this set allows over users holds for the members of the teams that one leads, and for nobody else
    /// (manage_users_of_my_teams). Who manages teams could lead any, so that a limit would be none.
    pub fn are_limited_to_teams(self) -> bool {
        self.has(Permission::ManageUsersOfMyTeams) && !self.has(Permission::ManageTeams)
    }

    /// The names of the permissions held, comma-separated: how the store keeps a role, readable and safe to extend.
    pub fn to_text(self) -> String {
        let names: Vec<_> =
            Permission::ALL.iter().filter(|permission| self.has(**permission)).map(|p| p.name()).collect();
        names.join(",")
    }

    /// Reads what [`Permissions::to_text`] wrote; names that this version does not know are left out.
    pub fn from_text(text: &str) -> Permissions {
        // Names are stored in the order of the list, so the search goes on where the last one was found.
        let mut next = 0;
        let known = |name: &str| {
            let position =
                (next..Permission::ALL.len()).chain(0..next).find(|at| Permission::ALL[*at].name() == name)?;
            next = position + 1;
            Some(Permission::ALL[position])
        };
        text.split(',').filter_map(known).collect()
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<T: IntoIterator<Item = Permission>>(permissions: T) -> Permissions {
        Permissions(permissions.into_iter().fold(0, |bits, permission| bits | 1 << permission as u32))
    }
}

/// What a user may do on one source; the discriminants are bits in the store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SourceRight {
    /// See its threads, contents, identities and interventions.
    Read = 1,
    /// Answer.
    Reply = 2,
    /// Answer with formatted text.
    ReplyWithHtml = 4,
    /// Write first.
    InitiateDiscussion = 8,
    /// Remove contents on the source.
    Destroy = 16,
    /// Answers wait for another person's approval.
    ApprovalRequired = 32,
}

/// One user's rights on one source.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SourceRights(i64);

impl SourceRights {
    /// Every right, without approval.
    pub const FULL: SourceRights = SourceRights(1 | 2 | 4 | 8 | 16);

    /// Above the rights' own bits: the threshold in tens, plus one.
    const THRESHOLD_SHIFT: u32 = 8;
    const THRESHOLD_MASK: i64 = 15;

    /// Whether this right is held.
    pub fn has(self, right: SourceRight) -> bool {
        self.0 & right as i64 != 0
    }

    /// The share of answers, in percent by tens, that waits for approval; none: [`SourceRight::ApprovalRequired`] alone
    /// decides.
    pub fn approval_threshold(self) -> Option<i64> {
        match self.0 >> Self::THRESHOLD_SHIFT & Self::THRESHOLD_MASK {
            0 => None,
            tens_plus_one => Some((tens_plus_one - 1) * 10),
        }
    }

    /// These rights with another threshold: 0 to 100 by tens.
    pub fn with_approval_threshold(self, percent: Option<i64>) -> SourceRights {
        let kept = self.0 & !(Self::THRESHOLD_MASK << Self::THRESHOLD_SHIFT);
        let field = percent.map_or(0, |percent| percent.clamp(0, 100) / 10 + 1);
        SourceRights(kept | field << Self::THRESHOLD_SHIFT)
    }

    /// The share of answers, in percent, that waits for approval, however that was said.
    pub fn supervision(self) -> i64 {
        let all = if self.has(SourceRight::ApprovalRequired) { 100 } else { 0 };
        self.approval_threshold().unwrap_or(all)
    }

    /// Whether somebody with these rights may turn `before` into `after`: they add no right that they lack, and let
    /// nobody be less supervised than they are.
    pub fn may_grant(self, before: SourceRights, after: SourceRights) -> bool {
        let added = after.0 & !before.0 & SourceRights::FULL.0;
        let writes = [SourceRight::Reply, SourceRight::ReplyWithHtml, SourceRight::InitiateDiscussion];
        let is_freed =
            writes.iter().any(|right| after.has(*right)) && (added != 0 || after.supervision() < before.supervision());
        added & !self.0 == 0 && !(is_freed && after.supervision() < self.supervision())
    }

    /// Whether somebody with these rights may turn `before` into `after`: they give nothing that they lack, and take
    /// nothing away that they could not give back. Else they could become whom they have weakened, and be as strong as
    /// them once that is put right.
    pub fn may_change(self, before: SourceRights, after: SourceRights) -> bool {
        self.may_grant(before, after) && self.may_grant(after, before)
    }

    /// The bits as the store keeps them.
    pub fn bits(self) -> i64 {
        self.0
    }

    /// From the bits of the store.
    pub fn from_bits(bits: i64) -> SourceRights {
        SourceRights(bits)
    }
}

impl FromIterator<SourceRight> for SourceRights {
    fn from_iter<T: IntoIterator<Item = SourceRight>>(rights: T) -> SourceRights {
        SourceRights(rights.into_iter().fold(0, |bits, right| bits | right as i64))
    }
}

/// The rights of one user on every source that they hold any right on.
pub type RightsBySource = HashMap<Id, SourceRights>;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn there_are_74_permissions_with_distinct_names() {
        let mut names: Vec<_> = Permission::ALL.iter().map(|permission| permission.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 74);
    }

    #[test]
    fn what_is_limited_to_teams_does_not_cover_what_is_not() {
        let set = |permissions: &[Permission]| permissions.iter().copied().collect::<Permissions>();
        let (read, limit) = (Permission::ReadUser, Permission::ManageUsersOfMyTeams);
        for (one, other, covers) in [
            (set(&[read, limit]), set(&[read, limit]), true),
            (set(&[read, limit]), set(&[read]), false),
            (set(&[read, limit]), set(&[limit]), true),
            (set(&[read, limit]), set(&[]), true),
            (set(&[read]), set(&[read, limit]), false),
            (set(&[read, limit, Permission::ManageTeams]), set(&[read]), true),
            (Permissions::ALL, set(&[read]), true),
        ] {
            assert_eq!(one.covers(other), covers, "{one:?} {other:?}");
        }
    }

    #[test]
    fn a_threshold_lives_beside_the_rights() {
        assert_eq!(SourceRights::FULL.approval_threshold(), None);
        for percent in (0..=100).step_by(10) {
            let rights = SourceRights::from_bits(SourceRights::FULL.with_approval_threshold(Some(percent)).bits());
            assert_eq!(rights.approval_threshold(), Some(percent));
            assert!(rights.has(SourceRight::Destroy) && !rights.has(SourceRight::ApprovalRequired));
            assert_eq!(rights.with_approval_threshold(None), SourceRights::FULL);
        }
    }

    #[test]
    fn nobody_grants_what_they_lack() {
        let rights = |list: &[SourceRight]| list.iter().copied().collect::<SourceRights>();
        let (none, read) = (SourceRights::default(), rights(&[SourceRight::Read]));
        let reply = rights(&[SourceRight::Read, SourceRight::Reply]);
        let half = reply.with_approval_threshold(Some(50));
        let watched = rights(&[SourceRight::Read, SourceRight::Reply, SourceRight::ApprovalRequired]);
        for (mine, before, after, granted) in [
            (none, none, none, true),
            (none, none, read, false),
            (none, reply, none, true),
            (none, reply, reply, true),
            (read, none, read, true),
            (read, read, reply, false),
            (reply, none, half, true),
            (half, none, reply, false),
            (half, none, read, true),
            (half, watched, none, true),
            (half, none, watched, true),
            (half, half, reply, false),
            (half, watched, half, true),
            (watched, watched, half, false),
            (SourceRights::FULL, watched, SourceRights::FULL, true),
        ] {
            assert_eq!(mine.may_grant(before, after), granted, "{mine:?}: {before:?} to {after:?}");
        }
        for (mine, before, after, allowed) in [
            (none, reply, none, false),
            (read, reply, read, false),
            (reply, reply, none, true),
            (half, watched, none, true),
            (half, reply, half, false),
            (watched, reply, watched, false),
            (watched, reply, none, false),
            (reply, watched, half, true),
        ] {
            assert_eq!(mine.may_change(before, after), allowed, "{mine:?}: {before:?} to {after:?}");
        }
        assert_eq!((watched.supervision(), half.supervision(), reply.supervision()), (100, 50, 0));
        assert_eq!(watched.with_approval_threshold(Some(0)).supervision(), 0);
    }

    #[test]
    fn a_role_survives_being_stored() {
        let role: Permissions = [Permission::ReadUser, Permission::ManageAdvancedAnalytics].into_iter().collect();
        assert_eq!(Permissions::from_text(&role.to_text()), role);
        assert_eq!(Permissions::from_text(&Permissions::ALL.to_text()), Permissions::ALL);
        assert_eq!(
            Permissions::from_text("read_user,of_a_later_version"),
            [Permission::ReadUser].into_iter().collect()
        );
        assert!(Permissions::ALL.covers(role) && !role.covers(Permissions::ALL));
    }

    /// What nothing asks for is listed for integrators, with the reason, and told by the console; nothing else is.
    #[test]
    fn every_permission_is_asked_for_or_said_not_to_be() {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let read = |file: &str| std::fs::read_to_string(workspace.join(file)).expect(file);
        let mut product = String::new();
        let mut folders = vec![workspace.join("crates")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
                let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
                // Roles as they are made ask for nothing.
                let is_list = ["permissions.rs", "setup.rs", "demo.rs", "tests.rs"].contains(&&*name);
                if path.is_dir() && name != "tests" {
                    folders.push(path);
                } else if name.ends_with(".rs") && !is_list {
                    let text = std::fs::read_to_string(&path).expect("a file");
                    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
                    // Nor does how they are shown.
                    let (before, after) = text.split_once("const UNPUBLISHED").unwrap_or((text, ""));
                    product += before;
                    product += after.split_once("];").map_or("", |(_, rest)| rest);
                }
            }
        }
        let page = read("docs/compatibility.md");
        let (_, section) = page.split_once("### Permissions that nothing asks for\n").expect("the section");
        let section = section.split("\n#").next().unwrap_or_default();
        let rows = section.lines().filter(|line| line.starts_with("| `")).filter_map(|line| line.split(" | ").next());
        let listed: BTreeSet<&str> = rows.flat_map(|names| names.split('`').skip(1).step_by(2)).collect();
        let words = read("web/console/src/admin/words/permissions.ts");
        let idle =
            words.split_once("IDLE = new Set(\n  '").and_then(|(_, rest)| rest.split_once('\'')).expect("a list").0;
        assert_eq!(listed, idle.split(' ').collect(), "the page and the console say the same");
        for permission in Permission::ALL {
            let asked = format!("Permission::{permission:?}");
            let goes_on = |rest: &str| rest.starts_with(|next: char| next.is_ascii_alphanumeric());
            let is_asked_for = product.match_indices(&asked).any(|(at, _)| !goes_on(&product[at + asked.len()..]));
            assert_eq!(!is_asked_for, listed.contains(permission.name()), "{}", permission.name());
        }
    }
}
