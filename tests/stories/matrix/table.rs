//! Who may call what: written down apart from the product, operation by operation.

/// What an operation asks of its caller.
#[derive(Clone, Copy)]
pub(super) struct Row {
    /// Its operationId.
    pub(super) id: &'static str,
    /// The role needs one of these, and is asked before anything else: 403.
    pub(super) first: &'static [&'static str],
    /// The role needs one of these once the object is found: 403.
    pub(super) then: &'static [&'static str],
    /// Its object is on a source: the caller must be able to read that one, or there is no such object.
    pub(super) on_source: bool,
    /// And needs this right on it beside `read`: 403.
    pub(super) right: Option<&'static str>,
    /// How an unreadable object is refused: 404 in the path, 422 in a parameter.
    pub(super) hidden: u16,
    /// The object when it is not the plain one that the path names.
    pub(super) object: &'static str,
    /// The parameters with which it succeeds; `$thread` and the like stand for ids.
    pub(super) body: &'static str,
    /// How a lacking permission or right is refused.
    pub(super) denied: u16,
    /// The status of a success. 422 where the object that the matrix makes does not allow more.
    pub(super) may: u16,
    /// How the object is refused to everybody but the one to whom it belongs.
    pub(super) of_another: Option<u16>,
    /// An object that is beyond who is no administrator.
    pub(super) beyond: Option<Beyond>,
    /// The events of the journal that a success appends.
    pub(super) tells: &'static [&'static str],
}

/// An object that the administrator may touch, and others not.
#[derive(Clone, Copy)]
pub(super) struct Beyond {
    /// What it is.
    pub(super) object: &'static str,
    /// How it is refused to others.
    pub(super) refused: u16,
    /// The permission that opens it to them too.
    pub(super) unless: &'static str,
}

const fn row(id: &'static str) -> Row {
    Row {
        id,
        first: &[],
        then: &[],
        on_source: false,
        right: None,
        hidden: 404,
        denied: 403,
        object: "",
        body: "",
        may: 200,
        of_another: None,
        beyond: None,
        tells: &[],
    }
}

impl Row {
    const fn first(self, first: &'static [&'static str]) -> Row {
        Row { first, ..self }
    }

    const fn then(self, then: &'static [&'static str]) -> Row {
        Row { then, ..self }
    }

    const fn on_source(self) -> Row {
        Row { on_source: true, ..self }
    }

    const fn right(self, right: &'static str) -> Row {
        Row { right: Some(right), ..self }
    }

    const fn hidden(self, hidden: u16) -> Row {
        Row { hidden, ..self }
    }

    const fn object(self, object: &'static str) -> Row {
        Row { object, ..self }
    }

    const fn may(self, may: u16) -> Row {
        Row { may, ..self }
    }

    const fn body(self, body: &'static str) -> Row {
        Row { body, ..self }
    }

    const fn of_another(self, refused: u16) -> Row {
        Row { of_another: Some(refused), ..self }
    }

    /// An object that belongs to who may do more.
    const fn stronger(self, object: &'static str) -> Row {
        Row { beyond: Some(Beyond { object, refused: 403, unless: "" }), ..self }
    }

    const fn restricted(self, object: &'static str, unless: &'static str) -> Row {
        Row { beyond: Some(Beyond { object, refused: 404, unless }), ..self }
    }

    const fn tells(self, tells: &'static [&'static str]) -> Row {
        Row { tells, ..self }
    }
}

const SOURCE: &str =
    r#"{ "type": "sdk", "name": "$word", "community_id": "$source_community", "base_uri": "http://127.0.0.1:9/" }"#;

/// Who has to do with tasks.
const TASKS: &[&str] = &["receive_tasks", "monitor_tasks", "monitor_team_tasks"];

/// Who keeps answers ready.
const ASSISTANT: &[&str] = &["manage_reply_assistant"];

/// Who configures what visitors see of a source that is no live chat; those of live chats are let in, and then refused.
const CONFIGURE: &[&str] = &["manage_messaging"];

pub(super) const TABLE: &[Row] = &[
    row("getAllSources"),
    row("getSource").on_source(),
    row("createSource").first(&["create_content_source"]).body(SOURCE).tells(&["content_source.created"]),
    row("updateSource")
        .first(&["update_content_source"])
        .on_source()
        .body(r#"{ "name": "$word" }"#)
        .tells(&["content_source.updated"]),
    row("synchronizeSource").first(&["update_content_source"]).on_source(),
    // Nobody tells sources of this kind of anything.
    row("getSourceConnection").first(&["update_content_source"]).on_source().may(422),
    row("testSourceConnection").first(&["update_content_source"]).on_source().may(422),
    row("authorizeSourceConnection").first(&["update_content_source"]).on_source().may(422),
    row("completeSourceConnection")
        .first(&["update_content_source"])
        .on_source()
        .body(r#"{ "state": "x", "code": "y" }"#)
        .may(422),
    row("getSourceEvents").first(&["update_content_source"]).on_source().may(422),
    row("retrySourceEvent").first(&["update_content_source"]).on_source().object("source,failed_event").may(422),
    row("deleteSource")
        .first(&["create_content_source"])
        .on_source()
        .object("empty_source")
        .tells(&["content_source.destroyed"]),
    row("getAllCommunities").first(&["read_community"]),
    row("getCommunity").first(&["read_community"]),
    row("createCommunity")
        .first(&["create_community"])
        .body(r#"{ "type": "sdk", "name": "$word" }"#)
        .tells(&["community.created"]),
    row("updateCommunity").first(&["update_community"]).body(r#"{ "name": "$word" }"#).tells(&["community.updated"]),
    row("deleteCommunity").first(&["create_community"]).tells(&["community.destroyed"]),
    row("getAllThreads"),
    row("getThread").on_source(),
    row("closeThread")
        .on_source()
        .object("messaging_thread")
        .then(&["close_content_thread"])
        .tells(&["content.thread_closed"]),
    row("openThread")
        .on_source()
        .object("closed_thread")
        .then(&["open_content_thread"])
        .tells(&["content.thread_opened"]),
    row("categorizeThread")
        .on_source()
        .body(r#"{ "thread_category_ids": ["$category"] }"#)
        .tells(&["content_thread.recategorized"]),
    row("archiveThread").on_source().tells(&["content.ignored"]),
    row("disableThreadTextInput").on_source().object("messaging_thread").right("reply"),
    row("enableThreadTextInput").on_source().object("speechless_thread").right("reply"),
    row("muteThread").first(&["mute_content"]).on_source().tells(&["content_thread.muted"]),
    row("unmuteThread").first(&["mute_content"]).on_source().object("muted_thread").tells(&["content_thread.unmuted"]),
    row("deleteThread").first(&["delete_content_thread"]).on_source().tells(&["content_thread.destroyed"]),
    row("getAllContents"),
    row("createContent")
        .on_source()
        .right("reply")
        .hidden(422)
        .body(r#"{ "in_reply_to_id": "$content", "body": "Yes" }"#)
        .tells(&["content.replied", "intervention.opened", "intervention.assigned"]),
    row("draftContent")
        .on_source()
        .right("reply")
        .hidden(422)
        .body(r#"{ "in_reply_to_id": "$content", "body": "Yes" }"#)
        .tells(&["content.replied", "content.approval_requested"]),
    row("getContent").on_source(),
    row("ignoreContent").on_source().tells(&["content.ignored"]),
    row("categorizeContent").on_source().body(r#"{ "category_ids": ["$category"] }"#).tells(&["content.recategorized"]),
    row("publishContent").first(&["publish_content"]).on_source().object("publishable_content"),
    row("unpublishContent")
        .first(&["publish_content"])
        .on_source()
        .object("publishable_content")
        .tells(&["content.unpublished"]),
    row("deleteContent").on_source().right("destroy").object("publishable_content").tells(&["content.destroyed"]),
    row("performContentAction").on_source().right("reply").object("publishable_content").body(r#"{ "name": "warn" }"#),
    row("refreshContent").on_source().right("reply").object("publishable_content"),
    row("anonymizeContent").first(&["anonymize_identity"]).on_source().tells(&["content.anonymized"]),
    row("approveContent")
        .first(&["approve_content"])
        .on_source()
        .right("reply")
        .object("waiting_content")
        .tells(&["content.approved"]),
    row("rejectContent")
        .first(&["approve_content"])
        .on_source()
        .right("reply")
        .object("waiting_content")
        .tells(&["content.draft_discarded"]),
    // Its author's, whatever the role: the stories tell of others'.
    row("withdrawContent").on_source().object("own_waiting_content").tells(&["content.draft_discarded"]),
    row("updateContent")
        .on_source()
        .right("reply")
        .object("own_waiting_content")
        .body(r#"{ "body": "$word" }"#)
        .tells(&["content.updated"]),
    row("exportContentAgain")
        .on_source()
        .object("failed_content")
        .right("reply")
        .tells(&["content.retried_synchronization"]),
    row("getAllIdentities"),
    row("getIdentity").on_source(),
    row("muteIdentity").first(&["mute_content"]).on_source().tells(&["identity.muted"]),
    row("unmuteIdentity").first(&["mute_content"]).on_source().object("muted_identity").tells(&["identity.unmuted"]),
    row("importIdentity")
        .first(&["update_identity", "manage_identities"])
        .on_source()
        .hidden(422)
        .body(r#"{ "community_id": "$mailing_community", "identifier": "$email" }"#)
        .may(201),
    row("exportIdentities").first(&["export_identity"]).tells(&["identity.export_created"]),
    row("getAllIdentityLists").first(&["read_identity", "manage_identities"]),
    row("getIdentityList").first(&["read_identity", "manage_identities"]),
    row("createIdentityList")
        .first(&["manage_identities"])
        .body(r#"{ "name": "$word" }"#)
        .tells(&["identity_list.created"]),
    row("updateIdentityList")
        .first(&["manage_identities"])
        .body(r#"{ "name": "$word" }"#)
        .tells(&["identity_list.updated"]),
    row("deleteIdentityList").first(&["manage_identities"]).tells(&["identity_list.destroyed"]),
    row("getIdentitiesOfIdentityList").first(&["read_identity", "manage_identities"]),
    row("addToIdentityList")
        .first(&["manage_identities"])
        .on_source()
        .hidden(422)
        .body(r#"{ "identity_ids": ["$identity"] }"#)
        .tells(&["identity_list.updated"]),
    row("removeFromIdentityList")
        .first(&["manage_identities"])
        .on_source()
        .hidden(422)
        .object("full_identity_list")
        .body(r#"{ "identity_ids": ["$identity"] }"#)
        .tells(&["identity_list.updated"]),
    row("anonymizeIdentity").first(&["anonymize_identity"]).on_source().tells(&["identity.anonymized"]),
    row("updateIdentityGroupOfIdentity")
        .first(&["update_identity"])
        .on_source()
        .object("grouped_identity")
        .body(r#"{ "company": "$word" }"#)
        .tells(&["identity_group.updated"]),
    row("unmergeIdentity")
        .first(&["update_identity"])
        .on_source()
        .object("grouped_identity")
        .tells(&["identity.unmerged"]),
    row("getAllIdentityGroups"),
    row("getIdentityGroup").on_source(),
    row("updateIdentityGroup").on_source().body(r#"{ "company": "$word" }"#).tells(&["identity_group.updated"]),
    row("mergeIdentityGroup")
        .first(&["update_identity"])
        .on_source()
        .body(r#"{ "associated_identity_id": "$other_identity" }"#)
        .tells(&["identity.merged"]),
    row("lockIdentityGroup").first(&["lock_identity"]).on_source().tells(&["identity_group.locked"]),
    row("unlockIdentityGroup")
        .first(&["lock_identity"])
        .on_source()
        .object("locked_identity_group")
        .tells(&["identity_group.unlocked"]),
    row("getAllInterventions"),
    row("createIntervention")
        .on_source()
        .hidden(422)
        .body(r#"{ "content_id": "$content" }"#)
        .tells(&["intervention.opened", "intervention.assigned"]),
    row("getIntervention").on_source(),
    row("updateIntervention").on_source().then(&["update_intervention"]).body(r#"{ "custom_field_values": {} }"#),
    row("cancelIntervention").on_source().tells(&["intervention.canceled"]),
    row("closeIntervention")
        .on_source()
        .object("answered_intervention")
        .then(&["update_intervention"])
        .tells(&["intervention.closed"]),
    row("reassignIntervention")
        .on_source()
        .then(&["update_intervention", "assign_intervention"])
        .body(r#"{ "user_id": "$me" }"#),
    row("releaseIntervention")
        .on_source()
        .then(&["update_intervention", "assign_intervention"])
        .tells(&["intervention.user_updated"]),
    row("categorizeIntervention")
        .on_source()
        .body(r#"{ "category_ids": ["$category"] }"#)
        .tells(&["intervention.recategorized"]),
    row("deferIntervention")
        .on_source()
        .then(&["update_intervention"])
        .body(r#"{ "rate": 3600 }"#)
        .tells(&["intervention.deferred"]),
    row("reactivateIntervention")
        .on_source()
        .object("deferred_intervention")
        .then(&["update_intervention"])
        .tells(&["intervention.reactivated"]),
    row("botEngage")
        .on_source()
        .hidden(422)
        .body(r#"{ "content_id": "$content" }"#)
        .tells(&["intervention.opened", "intervention.assigned"]),
    row("botComplete")
        .on_source()
        .hidden(422)
        .then(&["update_intervention"])
        .body(r#"{ "intervention_id": "$answered_intervention" }"#)
        .tells(&["intervention.closed"]),
    row("handoverFromBotToAgent")
        .on_source()
        .hidden(422)
        .then(&["update_intervention", "assign_intervention"])
        .body(r#"{ "from": "bot", "to": "agent", "type": "engage_virtual_agent", "intervention_id": "$intervention" }"#)
        .tells(&["virtual_agent.handover", "intervention.user_updated"]),
    row("getAllInterventionComments"),
    row("getInterventionComment").on_source(),
    row("createInterventionComment")
        .on_source()
        .body(r#"{ "intervention_id": "$intervention", "body": "Yes" }"#)
        .tells(&["intervention_comment.created"]),
    row("deleteInterventionComment").on_source().tells(&["intervention_comment.destroyed"]),
    row("getAllEvents").first(&["search_event"]),
    // Without the permission there is no event.
    Row { denied: 404, ..row("getEvent").on_source().then(&["search_event"]) },
    row("getAllFolders"),
    row("getFolder").object("own_folder").of_another(404).restricted("restricted_folder", "manage_folders"),
    row("createFolder").then(&["manage_folders"]).body(r#"{ "label": "$word" }"#).tells(&["folder.created"]),
    row("updateFolder")
        .then(&["manage_folders"])
        .restricted("restricted_folder", "manage_folders")
        .body(r#"{ "label": "$word" }"#)
        .tells(&["folder.updated"]),
    row("deleteFolder")
        .then(&["manage_folders"])
        .restricted("restricted_folder", "manage_folders")
        .tells(&["folder.destroyed"]),
    row("countFolder").object("own_folder").of_another(404).restricted("restricted_folder", "manage_folders"),
    row("updateCustomScore").on_source().body(r#"{ "custom_score": 1.5 }"#).may(404),
    row("updateSourceEmailCredentials").first(&["update_content_source"]).on_source().may(422),
    row("getAllCategories"),
    row("getCategory"),
    row("createCategory").first(&["manage_categories"]).body(r#"{ "name": "$word" }"#).tells(&["category.created"]),
    row("updateCategory").first(&["manage_categories"]).body(r#"{ "color": 3 }"#).tells(&["category.updated"]),
    row("deleteCategory").first(&["manage_categories"]).tells(&["category.destroyed"]),
    row("getAllAttachments"),
    row("getAttachment").on_source(),
    row("createAttachment"),
    row("getAllUsers").first(&["read_user", "manage_users_of_my_teams"]),
    row("getCurrentUser"),
    row("getUser").then(&["read_user", "manage_users_of_my_teams"]),
    row("createUser")
        .first(&["create_user", "manage_users_of_my_teams"])
        .body(
            r#"{ "email": "$email", "firstname": "Una", "lastname": "User", "role_id": "$empty_role",
             "team_ids": ["$led_team"], "no_password": true }"#,
        )
        .tells(&["user.created"]),
    row("inviteUser")
        .first(&["invite_user", "manage_users_of_my_teams"])
        .body(
            r#"{ "email": "$email", "firstname": "Una", "lastname": "User", "role_id": "$empty_role",
             "team_ids": ["$led_team"] }"#,
        )
        .tells(&["user.invited"]),
    row("updateUser")
        .first(&["update_user", "manage_users_of_my_teams"])
        .stronger("stronger_user")
        .body(r#"{ "nickname": "$word", "category_ids": ["$category"] }"#)
        .tells(&["user.updated", "user.categories_added"]),
    row("getUserInvitation").then(&["read_user", "manage_users_of_my_teams"]),
    // Who is invited there; the stories tell of who is.
    row("createUserInvitationLink")
        .first(&["update_user", "manage_users_of_my_teams"])
        .stronger("stronger_user")
        .may(422),
    row("deleteUser")
        .first(&["update_user", "manage_users_of_my_teams"])
        .stronger("stronger_user")
        .tells(&["user.destroyed"]),
    row("getUserSourcesPermissions").then(&["read_user", "manage_users_of_my_teams"]),
    row("updateUserSourcesPermissions")
        .first(&["update_user", "manage_users_of_my_teams"])
        .stronger("stronger_user")
        .body(r#"{ "$source": "read" }"#)
        .tells(&["user.updated"]),
    row("getUserNotifications").then(&["read_user", "manage_users_of_my_teams"]),
    row("updateUserNotifications")
        .first(&["update_user", "manage_users_of_my_teams"])
        .stronger("stronger_user")
        .body(r#"{ "intervention_assigned": true }"#)
        .tells(&["user.notifications_updated"]),
    row("getAllUserSignatures").then(&["read_user", "manage_users_of_my_teams"]),
    row("getUserSignature").then(&["read_user", "manage_users_of_my_teams"]),
    row("createUserSignature")
        .then(&["update_user", "manage_users_of_my_teams"])
        .body(r#"{ "body": "Yours" }"#)
        .tells(&["user.updated"]),
    row("updateUserSignature")
        .then(&["update_user", "manage_users_of_my_teams"])
        .body(r#"{ "body": "$word" }"#)
        .tells(&["user.updated"]),
    row("deleteUserSignature").then(&["update_user", "manage_users_of_my_teams"]).tells(&["user.updated"]),
    row("getAllRoles"),
    row("getRole").first(&["manage_roles"]),
    row("createRole").first(&["manage_roles"]).body(r#"{ "label": "$word" }"#).tells(&["role.created"]),
    row("updateRole")
        .first(&["manage_roles"])
        .stronger("stronger_role")
        .object("empty_role")
        .body(r#"{ "label": "$word" }"#)
        .tells(&["role.updated"]),
    row("getAllTeams"),
    row("getTeam"),
    row("createTeam").first(&["manage_teams"]).body(r#"{ "name": "$word" }"#).tells(&["team.created"]),
    row("updateTeam").first(&["manage_teams"]).body(r#"{ "name": "$word" }"#).tells(&["team.updated"]),
    row("deleteTeam").first(&["manage_teams"]).tells(&["team.destroyed"]),
    // Everybody has the webhooks of their own tokens; the stories tell of others'.
    row("getAllWebhooks"),
    row("getWebhook").restricted("stronger_webhook", "manage_api_access_tokens").object("own_webhook"),
    row("createWebhook")
        .body(r#"{ "url": "$hook", "registered_events": ["content.imported"] }"#)
        .tells(&["webhook.created"]),
    row("updateWebhook")
        .restricted("stronger_webhook", "manage_api_access_tokens")
        .object("own_webhook")
        .body(r#"{ "name": "$word" }"#)
        .tells(&["webhook.updated"]),
    row("deleteWebhook")
        .restricted("stronger_webhook", "manage_api_access_tokens")
        .object("own_webhook")
        .tells(&["webhook.destroyed"]),
    row("rotateWebhookSigningSecret")
        .restricted("stronger_webhook", "manage_api_access_tokens")
        .object("own_webhook")
        .tells(&["webhook.updated"]),
    row("testWebhook").restricted("stronger_webhook", "manage_api_access_tokens").object("own_webhook"),
    row("replayWebhook")
        .restricted("stronger_webhook", "manage_api_access_tokens")
        .object("own_webhook")
        .body(r#"{ "from_seq": 1, "to_seq": 1 }"#),
    row("getAllWebhookReplays").restricted("stronger_webhook", "manage_api_access_tokens").object("own_webhook"),
    row("getAllWebhookDeliveries").restricted("stronger_webhook", "manage_api_access_tokens").object("own_webhook"),
    row("getWebhookDelivery").restricted("stronger_webhook,stronger_delivery", "manage_api_access_tokens"),
    row("resendWebhookDelivery").restricted("stronger_webhook,stronger_delivery", "manage_api_access_tokens"),
    row("getAllAccessTokens").first(&["manage_api_access_tokens"]),
    row("createAccessToken")
        .first(&["manage_api_access_tokens"])
        .body(r#"{ "label": "$word" }"#)
        .tells(&["api_access_token.created"]),
    row("updateAccessToken")
        .first(&["manage_api_access_tokens"])
        .object("own_access_token")
        .stronger("stronger_access_token")
        .body(r#"{ "label": "$word" }"#)
        .tells(&["api_access_token.updated"]),
    row("deleteAccessToken")
        .first(&["manage_api_access_tokens"])
        .stronger("stronger_access_token")
        .object("own_access_token")
        .tells(&["api_access_token.destroyed"]),
    row("getJwtSingleSignOn").first(&["update_settings"]),
    row("updateJwtSingleSignOn").first(&["update_settings"]),
    row("getUserJwtExternalId").first(&["update_user", "manage_users_of_my_teams"]).stronger("stronger_user"),
    row("updateUserJwtExternalId")
        .first(&["update_user", "manage_users_of_my_teams"])
        .stronger("stronger_user")
        .body(r#"{ "jwt_external_id": "" }"#),
    row("getOpenIdSingleSignOn").first(&["update_settings"]),
    row("updateOpenIdSingleSignOn").first(&["update_settings"]),
    row("getUserOpenIdSubject").first(&["update_user", "manage_users_of_my_teams"]).stronger("stronger_user"),
    row("updateUserOpenIdSubject")
        .first(&["update_user", "manage_users_of_my_teams"])
        .stronger("stronger_user")
        .body(r#"{ "openid_subject": "" }"#),
    row("deleteUserSecondFactor").first(&["update_user", "manage_users_of_my_teams"]).stronger("stronger_user"),
    row("getAllSessions"),
    row("deleteSession").object("own_session").of_another(404).tells(&["session.destroyed"]),
    row("getAllSettings").first(&["update_settings"]),
    row("getScreenSettings"),
    row("updateSettings").first(&["update_settings"]).body(r#"{ "name": "$word" }"#).tells(&["settings.updated"]),
    row("getAllLocales"),
    row("getAllUiLocales"),
    row("getAllTimezones"),
    row("getAllTimeSheets").first(&["update_time_sheet"]),
    row("getTimeSheet").first(&["update_time_sheet"]),
    row("createTimeSheet").first(&["update_time_sheet"]).body(r#"{ "label": "$word" }"#).tells(&["time_sheet.created"]),
    row("updateTimeSheet").first(&["update_time_sheet"]).body(r#"{ "label": "$word" }"#).tells(&["time_sheet.updated"]),
    row("deleteTimeSheet").first(&["update_time_sheet"]).tells(&["time_sheet.destroyed"]),
    row("getAllTags"),
    row("getTag"),
    row("createTag").first(&["manage_tags"]).body(r#"{ "name": "$word" }"#).tells(&["tag.created"]),
    row("updateTag").first(&["manage_tags"]).body(r#"{ "name": "$word" }"#).tells(&["tag.updated"]),
    row("deleteTag").first(&["manage_tags"]).tells(&["tag.destroyed"]),
    row("getAllReplyAssistantEntries").first(ASSISTANT),
    row("getReplyAssistantEntry").first(ASSISTANT),
    row("createReplyAssistantEntry")
        .first(ASSISTANT)
        .body(r#"{ "label": "$word" }"#)
        .tells(&["reply_assistant_knowledge_base_entry.created"]),
    row("updateReplyAssistantEntry")
        .first(ASSISTANT)
        .body(r#"{ "label": "$word" }"#)
        .tells(&["reply_assistant_knowledge_base_entry.updated"]),
    row("deleteReplyAssistantEntry").first(ASSISTANT).tells(&["reply_assistant_knowledge_base_entry.destroyed"]),
    row("getAllReplyAssistantGroups").first(ASSISTANT),
    row("getReplyAssistantGroup").first(ASSISTANT),
    row("createReplyAssistantGroup").first(ASSISTANT).body(r#"{ "name": "$word" }"#),
    row("updateReplyAssistantGroup").first(ASSISTANT).body(r#"{ "name": "$word" }"#),
    row("deleteReplyAssistantGroup").first(ASSISTANT),
    row("getAllReplyAssistantVersions").first(ASSISTANT),
    row("getReplyAssistantVersion").first(ASSISTANT),
    row("createReplyAssistantVersion")
        .first(ASSISTANT)
        .body(r#"{ "body": "$word", "entry_id": "$reply_assistant_entry" }"#)
        .tells(&["reply_assistant_knowledge_base_version.created"]),
    row("updateReplyAssistantVersion")
        .first(ASSISTANT)
        .body(r#"{ "body": "$word" }"#)
        .tells(&["reply_assistant_knowledge_base_version.updated"]),
    row("deleteReplyAssistantVersion").first(ASSISTANT).tells(&["reply_assistant_knowledge_base_version.destroyed"]),
    row("getReplySuggestions").on_source().right("reply"),
    row("getAllCustomFields").first(&["manage_custom_fields"]),
    row("describeCustomFields"),
    row("getCustomField").first(&["manage_custom_fields"]),
    row("createCustomField")
        .first(&["manage_custom_fields"])
        .body(r#"{ "associated_type_name": "Intervention", "label": "$word" }"#)
        .tells(&["custom_field.created"]),
    row("updateCustomField")
        .first(&["manage_custom_fields"])
        .body(r#"{ "label": "$word" }"#)
        .tells(&["custom_field.updated"]),
    row("deleteCustomField").first(&["manage_custom_fields"]).tells(&["custom_field.destroyed"]),
    row("getAllChannels"),
    row("getChannel"),
    row("createChannel").first(&["manage_topologies"]).body(r#"{ "name": "$word" }"#).tells(&["channel.created"]),
    row("updateChannel").first(&["manage_topologies"]).body(r#"{ "name": "$word" }"#).tells(&["channel.updated"]),
    row("deleteChannel").first(&["manage_topologies"]).tells(&["channel.destroyed"]),
    // Leaders of teams see theirs; the stories tell of others'.
    row("getAllAgentStatus").first(&["monitor_tasks", "monitor_team_tasks"]),
    row("getAgentStatus").then(&["monitor_tasks", "monitor_team_tasks"]),
    row("changeAgentStatus")
        .then(&["monitor_tasks", "monitor_team_tasks"])
        .body(r#"{ "custom_status_id": "$presence_status" }"#)
        .tells(&["push_agent.availability_change"]),
    row("connectToTasks").first(&["receive_tasks"]).tells(&["push_agent.connected"]),
    row("sendHeartbeat").first(&["receive_tasks"]).body(r#"{ "of": "$connected_me" }"#),
    row("disconnectFromTasks").tells(&["push_agent.disconnected"]),
    row("getAvailability").on_source().hidden(422).body(r#"{ "source_id": "$source" }"#),
    row("getAllPresenceStatus"),
    row("getPresenceStatus").first(&["monitor_tasks"]),
    row("createPresenceStatus").first(&["monitor_tasks"]).body(r#"{ "name": "$word" }"#),
    row("updatePresenceStatus").first(&["monitor_tasks"]).body(r#"{ "name": "$word" }"#),
    row("deletePresenceStatus").first(&["monitor_tasks"]),
    // Whose tasks one sees, the stories tell: here they are one's own.
    row("getAllTasks").first(TASKS),
    row("getTask").first(TASKS).object("own_task").on_source(),
    row("moveTask").first(&["monitor_tasks"]).on_source().body(r#"{ "queue": "undelivered" }"#),
    row("completeTask").first(TASKS).object("own_task").on_source().tells(&["task.completed"]),
    row("transferTask").first(TASKS).object("own_task").on_source(),
    row("acceptTask").first(&["receive_tasks"]).on_source().right("reply").may(409),
    row("refuseTask").first(&["receive_tasks"]).on_source().right("reply").may(409),
    row("releaseTask").first(&["receive_tasks"]).object("own_task").on_source().right("reply"),
    row("resumeTask").first(&["receive_tasks"]).object("own_task").on_source().right("reply").may(409),
    row("requestTask").first(&["receive_tasks"]).may(403),
    row("getTaskPosition").first(TASKS).object("own_task").on_source(),
    row("getTaskTrace").first(&["monitor_tasks", "monitor_team_tasks"]).object("own_task").on_source(),
    row("getAllTopologies").first(&["manage_topologies"]),
    row("getTopology").first(&["manage_topologies"]),
    row("createTopology")
        .first(&["manage_topologies"])
        .body(r#"{ "name": "$word", "json_config": "$topology_document" }"#)
        .tells(&["topology.created"]),
    row("updateTopology").first(&["manage_topologies"]).body(r#"{ "name": "$word" }"#).tells(&["topology.updated"]),
    row("rehearseTopology")
        .first(&["manage_topologies"])
        .body(r#"{ "since": "2026-01-01", "json_config": "{}" }"#)
        .may(422),
    row("activateTopology").first(&["manage_topologies"]).tells(&["topology.activated"]),
    row("deleteTopology").first(&["manage_topologies"]).tells(&["topology.destroyed"]),
    row("getAllUserCapacities").first(&["manage_topologies"]),
    row("getUserCapacity").first(&["manage_topologies"]),
    row("createUserCapacity")
        .first(&["manage_topologies"])
        .body(r#"{ "name": "$word" }"#)
        .tells(&["capability_scheme.created"]),
    row("updateUserCapacity")
        .first(&["manage_topologies"])
        .body(r#"{ "name": "$word" }"#)
        .tells(&["capability_scheme.updated"]),
    row("deleteUserCapacity").first(&["manage_topologies"]).tells(&["capability_scheme.destroyed"]),
    row("typeInThread").on_source().object("messaging_thread").right("reply"),
    row("tellPresenceInThread").on_source(),
    row("getThreadDraft").on_source(),
    row("updateThreadDraft").on_source().body(r#"{ "body": "$word" }"#).tells(&["content.draft_created"]),
    row("getThreadVisitor").on_source().object("messaging_thread"),
    row("getMessagingSettings").then(CONFIGURE).on_source().object("messaging_source"),
    row("updateMessagingSettings")
        .then(CONFIGURE)
        .on_source()
        .object("messaging_source")
        .body(r#"{ "locale": "fr", "custom_css": "a { color: red }" }"#)
        .tells(&["content_source.updated"]),
    row("getAllTriggers").then(CONFIGURE).on_source().object("messaging_source"),
    row("getTrigger").then(CONFIGURE).on_source().object("messaging_source,trigger"),
    row("createTrigger")
        .then(CONFIGURE)
        .on_source()
        .object("messaging_source")
        .body(r#"{ "label": "$word", "actions": { "show": "open" } }"#)
        .tells(&["mobile_messaging.trigger.created"]),
    row("updateTrigger")
        .then(CONFIGURE)
        .on_source()
        .object("messaging_source,trigger")
        .body(r#"{ "label": "$word" }"#)
        .tells(&["mobile_messaging.trigger.updated"]),
    row("moveTrigger")
        .then(CONFIGURE)
        .on_source()
        .object("messaging_source,trigger")
        .body(r#"{ "position": 1 }"#)
        .tells(&["mobile_messaging.trigger.updated"]),
    row("deleteTrigger")
        .then(CONFIGURE)
        .on_source()
        .object("messaging_source,trigger")
        .tells(&["mobile_messaging.trigger.destroyed"]),
    row("getAllCatalogItems").then(CONFIGURE).on_source().object("messaging_source"),
    row("getCatalogItem").then(CONFIGURE).on_source().object("messaging_source,catalog_item"),
    row("createCatalogItem")
        .then(CONFIGURE)
        .on_source()
        .object("messaging_source")
        .body(r#"{ "type": "automatic_message", "label": "$word", "text": "Hello" }"#)
        .tells(&["mobile_messaging.catalog.automatic_message.created"]),
    row("updateCatalogItem")
        .then(CONFIGURE)
        .on_source()
        .object("messaging_source,catalog_item")
        .body(r#"{ "css": "b { color: red }" }"#)
        .tells(&["mobile_messaging.catalog.invitation.updated"]),
    row("deleteCatalogItem")
        .then(CONFIGURE)
        .on_source()
        .object("messaging_source,catalog_item")
        .tells(&["mobile_messaging.catalog.invitation.destroyed"]),
    row("getAllCustomVariables").then(CONFIGURE).on_source().object("messaging_source"),
    row("getCustomVariable").then(CONFIGURE).on_source().object("messaging_source,custom_variable"),
    row("createCustomVariable")
        .then(CONFIGURE)
        .on_source()
        .object("messaging_source")
        .body(r#"{ "name": "$variable_name" }"#)
        .tells(&["mobile_messaging.custom_variable.created"]),
    row("updateCustomVariable")
        .then(CONFIGURE)
        .on_source()
        .object("messaging_source,custom_variable")
        .body(r#"{ "label": "$word" }"#)
        .tells(&["mobile_messaging.custom_variable.updated"]),
    row("deleteCustomVariable")
        .then(CONFIGURE)
        .on_source()
        .object("messaging_source,custom_variable")
        .tells(&["mobile_messaging.custom_variable.destroyed"]),
    row("getSignedIdentities").first(&["read_community"]).object("messaging_community"),
    row("updateSignedIdentities")
        .first(&["update_community"])
        .object("messaging_community")
        .body(r#"{ "mode": "reject" }"#)
        .tells(&["community.updated"]),
    row("createJwtKey")
        .first(&["update_community"])
        .object("messaging_community")
        .body(r#"{ "key_id": "one", "algorithm": "HS256", "key": "0123456789abcdef01234567" }"#)
        .tells(&["community.updated"]),
    row("deleteJwtKey").first(&["update_community"]).object("keyed_community").tells(&["community.updated"]),
    row("getAllMessagingMailTemplates").first(&["manage_messaging", "manage_chat"]),
    row("getMessagingMailTemplate").first(&["manage_messaging", "manage_chat"]).object("mail_template"),
    row("createMessagingMailTemplate")
        .first(&["manage_messaging", "manage_chat"])
        .body(r#"{ "name": "$word" }"#)
        .tells(&["mobile_messaging.email_notifications.template.created"]),
    row("updateMessagingMailTemplate")
        .first(&["manage_messaging", "manage_chat"])
        .object("mail_template")
        .body(r#"{ "name": "$word" }"#)
        .tells(&["mobile_messaging.email_notifications.template.updated"]),
    row("deleteMessagingMailTemplate")
        .first(&["manage_messaging", "manage_chat"])
        .object("mail_template")
        .tells(&["mobile_messaging.email_notifications.template.destroyed"]),
    row("previewMessagingMailTemplate").first(&["manage_messaging", "manage_chat"]).object("mail_template"),
];

/// What belongs to the whole account: its permission alone decides about it, where it takes one.
pub(super) const SHARED: &[&str] = &[
    "/categories/",
    "/channels/",
    "/communities/",
    "/custom_fields/",
    "/identity_lists/",
    "/messaging_mail_templates/",
    "/presence_status/",
    "/reply_assistant/",
    "/roles/",
    "/tags/",
    "/teams/",
    "/time_sheets/",
    "/topologies/",
    "/user_capacities/",
];

/// Writing operations whose success here the journal does not tell, and why.
pub(super) const SILENT: &[(&str, &str)] = &[
    ("synchronizeSource", "asks the channel; what comes is told"),
    ("typeInThread", "is gone when it has been seen"),
    ("tellPresenceInThread", "is gone when it has been seen"),
    ("disableThreadTextInput", "only the log has it"),
    ("enableThreadTextInput", "only the log has it"),
    ("publishContent", "is public already; the stories of publishing tell it"),
    ("performContentAction", "only the log has it; the channel's answer is told"),
    ("refreshContent", "only the log has it; the channel's answer is told"),
    ("importIdentity", "only the log has new identities"),
    ("updateIntervention", "changes nothing; the stories of custom fields tell it"),
    ("reassignIntervention", "belongs to who it is given already; the stories tell it of others"),
    ("createReplyAssistantGroup", "only the log has it"),
    ("updateReplyAssistantGroup", "only the log has it"),
    ("deleteReplyAssistantGroup", "only the log has it"),
    ("createPresenceStatus", "only the log has it"),
    ("updatePresenceStatus", "only the log has it"),
    ("deletePresenceStatus", "only the log has it"),
    ("deleteUserSecondFactor", "there is none"),
    ("updateJwtSingleSignOn", "changes nothing; the stories of single sign-on tell it"),
    ("updateOpenIdSingleSignOn", "changes nothing; the stories of single sign-on tell it"),
    ("updateUserJwtExternalId", "changes nothing; the stories of single sign-on tell it"),
    ("updateUserOpenIdSubject", "changes nothing; the stories of single sign-on tell it"),
    ("sendHeartbeat", "is what everybody does all day"),
    ("moveTask", "moves to a queue, which only webhooks are told"),
    ("transferTask", "goes back to a queue; the stories of tasks tell it"),
    ("releaseTask", "goes back to a queue; the stories of tasks tell it"),
    ("testWebhook", "is a webhook's own"),
    ("replayWebhook", "is a webhook's own"),
    ("resendWebhookDelivery", "is a webhook's own"),
    ("previewMessagingMailTemplate", "changes nothing"),
];
