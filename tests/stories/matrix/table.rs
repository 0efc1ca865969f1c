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
    row("createSource").first(&["create_content_source"]).body(SOURCE),
    row("updateSource").first(&["update_content_source"]).on_source().body(r#"{ "color": 3 }"#),
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
    row("deleteSource").first(&["create_content_source"]).on_source().object("empty_source"),
    row("getAllCommunities").first(&["read_community"]),
    row("getCommunity").first(&["read_community"]),
    row("createCommunity").first(&["create_community"]).body(r#"{ "type": "sdk", "name": "$word" }"#),
    row("updateCommunity").first(&["update_community"]).body(r#"{ "name": "$word" }"#),
    row("deleteCommunity").first(&["create_community"]),
    row("getAllThreads"),
    row("getThread").on_source(),
    row("closeThread").on_source().object("messaging_thread").then(&["close_content_thread"]),
    row("openThread").on_source().object("closed_thread").then(&["open_content_thread"]),
    row("categorizeThread").on_source().body(r#"{ "thread_category_ids": [] }"#),
    row("archiveThread").on_source(),
    row("disableThreadTextInput").on_source().object("messaging_thread").right("reply"),
    row("enableThreadTextInput").on_source().object("speechless_thread").right("reply"),
    row("muteThread").first(&["mute_content"]).on_source(),
    row("unmuteThread").first(&["mute_content"]).on_source(),
    row("deleteThread").first(&["delete_content_thread"]).on_source(),
    row("getAllContents"),
    row("createContent")
        .on_source()
        .right("reply")
        .hidden(422)
        .body(r#"{ "in_reply_to_id": "$content", "body": "Yes" }"#),
    row("draftContent")
        .on_source()
        .right("reply")
        .hidden(422)
        .body(r#"{ "in_reply_to_id": "$content", "body": "Yes" }"#),
    row("getContent").on_source(),
    row("ignoreContent").on_source(),
    row("categorizeContent").on_source().body(r#"{ "category_ids": [] }"#),
    row("publishContent").first(&["publish_content"]).on_source().object("publishable_content"),
    row("unpublishContent").first(&["publish_content"]).on_source().object("publishable_content"),
    row("deleteContent").on_source().right("destroy").object("publishable_content"),
    row("performContentAction").on_source().right("reply").object("publishable_content").body(r#"{ "name": "warn" }"#),
    row("refreshContent").on_source().right("reply").object("publishable_content"),
    row("anonymizeContent").first(&["anonymize_identity"]).on_source(),
    row("approveContent").first(&["approve_content"]).on_source().right("reply").object("waiting_content"),
    row("rejectContent").first(&["approve_content"]).on_source().right("reply").object("waiting_content"),
    // Its author's, whatever the role: the stories tell of others'.
    row("withdrawContent").on_source().object("own_waiting_content"),
    row("updateContent").on_source().right("reply").object("own_waiting_content").body(r#"{ "body": "$word" }"#),
    row("exportContentAgain").on_source().object("failed_content").right("reply"),
    row("getAllIdentities"),
    row("getIdentity").on_source(),
    row("muteIdentity").first(&["mute_content"]).on_source(),
    row("unmuteIdentity").first(&["mute_content"]).on_source(),
    // Its own stories import; a community of the kind of these sources takes no imports.
    Row {
        may: 422,
        ..row("importIdentity")
            .first(&["update_identity", "manage_identities"])
            .body(r#"{ "community_id": "$community", "identifier": "vera@example.com" }"#)
    },
    row("exportIdentities").first(&["export_identity"]),
    row("getAllIdentityLists").first(&["read_identity", "manage_identities"]),
    row("getIdentityList").first(&["read_identity", "manage_identities"]),
    row("createIdentityList").first(&["manage_identities"]).body(r#"{ "name": "$word" }"#),
    row("updateIdentityList").first(&["manage_identities"]).body(r#"{ "name": "$word" }"#),
    row("deleteIdentityList").first(&["manage_identities"]),
    row("getIdentitiesOfIdentityList").first(&["read_identity", "manage_identities"]),
    row("addToIdentityList")
        .first(&["manage_identities"])
        .on_source()
        .hidden(422)
        .body(r#"{ "identity_ids": ["$identity"] }"#),
    row("removeFromIdentityList")
        .first(&["manage_identities"])
        .on_source()
        .hidden(422)
        .body(r#"{ "identity_ids": ["$identity"] }"#),
    row("anonymizeIdentity").first(&["anonymize_identity"]).on_source(),
    row("updateIdentityGroupOfIdentity").first(&["update_identity"]).on_source(),
    row("unmergeIdentity").first(&["update_identity"]).on_source().object("grouped_identity"),
    row("getAllIdentityGroups"),
    row("getIdentityGroup").on_source(),
    row("updateIdentityGroup").on_source().body(r#"{ "company": "$word" }"#),
    row("mergeIdentityGroup")
        .first(&["update_identity"])
        .on_source()
        .body(r#"{ "associated_identity_id": "$identity" }"#),
    row("lockIdentityGroup").first(&["lock_identity"]).on_source(),
    row("unlockIdentityGroup").first(&["lock_identity"]).on_source(),
    row("getAllInterventions"),
    row("createIntervention").on_source().hidden(422).body(r#"{ "content_id": "$content" }"#),
    row("getIntervention").on_source(),
    row("updateIntervention").on_source().then(&["update_intervention"]).body(r#"{ "custom_field_values": {} }"#),
    row("cancelIntervention").on_source(),
    row("closeIntervention").on_source().object("answered_intervention").then(&["update_intervention"]),
    row("reassignIntervention")
        .on_source()
        .then(&["update_intervention", "assign_intervention"])
        .body(r#"{ "user_id": "$me" }"#),
    row("releaseIntervention").on_source().then(&["update_intervention", "assign_intervention"]),
    row("categorizeIntervention").on_source().body(r#"{ "category_ids": [] }"#),
    row("deferIntervention").on_source().then(&["update_intervention"]).body(r#"{ "rate": 3600 }"#),
    row("reactivateIntervention").on_source().object("deferred_intervention").then(&["update_intervention"]),
    row("botEngage").on_source().hidden(422).body(r#"{ "content_id": "$content" }"#),
    row("botComplete")
        .on_source()
        .hidden(422)
        .then(&["update_intervention"])
        .body(r#"{ "intervention_id": "$answered_intervention" }"#),
    row("handoverFromBotToAgent").on_source().hidden(422).then(&["update_intervention", "assign_intervention"]).body(
        r#"{ "from": "bot", "to": "agent", "type": "engage_virtual_agent", "intervention_id": "$intervention" }"#,
    ),
    row("getAllInterventionComments"),
    row("getInterventionComment").on_source(),
    row("createInterventionComment").on_source().body(r#"{ "intervention_id": "$intervention", "body": "Yes" }"#),
    row("deleteInterventionComment").on_source(),
    row("getAllEvents").first(&["search_event"]),
    // Without the permission there is no event.
    Row { denied: 404, ..row("getEvent").on_source().then(&["search_event"]) },
    row("getAllFolders"),
    row("getFolder"),
    row("createFolder").then(&["manage_folders"]).body(r#"{ "label": "$word" }"#),
    row("updateFolder").then(&["manage_folders"]).body(r#"{ "label": "$word" }"#),
    row("deleteFolder").then(&["manage_folders"]),
    row("countFolder"),
    row("updateCustomScore").on_source().body(r#"{ "custom_score": 1.5 }"#).may(404),
    row("updateSourceEmailCredentials").first(&["update_content_source"]).on_source().may(422),
    row("getAllCategories"),
    row("getCategory"),
    row("createCategory").first(&["manage_categories"]).body(r#"{ "name": "$word" }"#),
    row("updateCategory").first(&["manage_categories"]).body(r#"{ "color": 3 }"#),
    row("deleteCategory").first(&["manage_categories"]),
    row("getAllAttachments"),
    row("getAttachment").on_source(),
    row("createAttachment"),
    row("getAllUsers").first(&["read_user", "manage_users_of_my_teams"]),
    row("getCurrentUser"),
    row("getUser").then(&["read_user", "manage_users_of_my_teams"]),
    row("createUser").first(&["create_user", "manage_users_of_my_teams"]).body(
        r#"{ "email": "$email", "firstname": "Una", "lastname": "User", "role_id": "$empty_role",
             "team_ids": ["$led_team"], "no_password": true }"#,
    ),
    row("inviteUser").first(&["invite_user", "manage_users_of_my_teams"]).body(
        r#"{ "email": "$email", "firstname": "Una", "lastname": "User", "role_id": "$empty_role",
             "team_ids": ["$led_team"] }"#,
    ),
    row("updateUser").first(&["update_user", "manage_users_of_my_teams"]).body(r#"{ "nickname": "$word" }"#),
    row("getUserInvitation").then(&["read_user", "manage_users_of_my_teams"]),
    // Who is invited there; the stories tell of who is.
    row("createUserInvitationLink").first(&["update_user", "manage_users_of_my_teams"]).may(422),
    row("deleteUser").first(&["update_user", "manage_users_of_my_teams"]),
    row("getUserSourcesPermissions").then(&["read_user", "manage_users_of_my_teams"]),
    row("updateUserSourcesPermissions")
        .first(&["update_user", "manage_users_of_my_teams"])
        .body(r#"{ "$source": "read" }"#),
    row("getUserNotifications").then(&["read_user", "manage_users_of_my_teams"]),
    row("updateUserNotifications")
        .first(&["update_user", "manage_users_of_my_teams"])
        .body(r#"{ "intervention_assigned": true }"#),
    row("getAllUserSignatures").then(&["read_user", "manage_users_of_my_teams"]),
    row("getUserSignature").then(&["read_user", "manage_users_of_my_teams"]),
    row("createUserSignature").then(&["update_user", "manage_users_of_my_teams"]).body(r#"{ "body": "Yours" }"#),
    row("updateUserSignature").then(&["update_user", "manage_users_of_my_teams"]).body(r#"{ "body": "Yours" }"#),
    row("deleteUserSignature").then(&["update_user", "manage_users_of_my_teams"]),
    row("getAllRoles"),
    row("getRole").first(&["manage_roles"]),
    row("createRole").first(&["manage_roles"]).body(r#"{ "label": "$word" }"#),
    row("updateRole").first(&["manage_roles"]).object("empty_role").body(r#"{ "label": "$word" }"#),
    row("getAllTeams"),
    row("getTeam"),
    row("createTeam").first(&["manage_teams"]).body(r#"{ "name": "$word" }"#),
    row("updateTeam").first(&["manage_teams"]).body(r#"{ "name": "$word" }"#),
    row("deleteTeam").first(&["manage_teams"]),
    // Everybody has the webhooks of their own tokens; the stories tell of others'.
    row("getAllWebhooks"),
    row("getWebhook").object("own_webhook"),
    row("createWebhook").body(r#"{ "url": "$hook", "registered_events": ["content.imported"] }"#),
    row("updateWebhook").object("own_webhook").body(r#"{ "name": "$word" }"#),
    row("deleteWebhook").object("own_webhook"),
    row("rotateWebhookSigningSecret").object("own_webhook"),
    row("testWebhook").object("own_webhook"),
    row("replayWebhook").object("own_webhook").body(r#"{ "from_seq": 1, "to_seq": 1 }"#),
    row("getAllWebhookReplays").object("own_webhook"),
    row("getAllWebhookDeliveries").object("own_webhook"),
    row("getWebhookDelivery"),
    row("resendWebhookDelivery"),
    row("getAllAccessTokens").first(&["manage_api_access_tokens"]),
    row("createAccessToken").first(&["manage_api_access_tokens"]).body(r#"{ "label": "$word" }"#),
    row("updateAccessToken")
        .first(&["manage_api_access_tokens"])
        .object("own_access_token")
        .body(r#"{ "label": "$word" }"#),
    row("deleteAccessToken").first(&["manage_api_access_tokens"]).object("own_access_token"),
    row("getJwtSingleSignOn").first(&["update_settings"]),
    row("updateJwtSingleSignOn").first(&["update_settings"]),
    row("getUserJwtExternalId").first(&["update_user", "manage_users_of_my_teams"]),
    row("updateUserJwtExternalId")
        .first(&["update_user", "manage_users_of_my_teams"])
        .body(r#"{ "jwt_external_id": "" }"#),
    row("getOpenIdSingleSignOn").first(&["update_settings"]),
    row("updateOpenIdSingleSignOn").first(&["update_settings"]),
    row("getUserOpenIdSubject").first(&["update_user", "manage_users_of_my_teams"]),
    row("updateUserOpenIdSubject")
        .first(&["update_user", "manage_users_of_my_teams"])
        .body(r#"{ "openid_subject": "" }"#),
    row("deleteUserSecondFactor").first(&["update_user", "manage_users_of_my_teams"]),
    row("getAllSessions"),
    row("deleteSession").object("own_session"),
    row("getAllSettings").first(&["update_settings"]),
    row("getScreenSettings"),
    row("updateSettings").first(&["update_settings"]).body(r#"{ "beginning_of_week": "monday" }"#),
    row("getAllLocales"),
    row("getAllUiLocales"),
    row("getAllTimezones"),
    row("getAllTimeSheets").first(&["update_time_sheet"]),
    row("getTimeSheet").first(&["update_time_sheet"]),
    row("createTimeSheet").first(&["update_time_sheet"]).body(r#"{ "label": "$word" }"#),
    row("updateTimeSheet").first(&["update_time_sheet"]).body(r#"{ "label": "$word" }"#),
    row("deleteTimeSheet").first(&["update_time_sheet"]),
    row("getAllTags"),
    row("getTag"),
    row("createTag").first(&["manage_tags"]).body(r#"{ "name": "$word" }"#),
    row("updateTag").first(&["manage_tags"]).body(r#"{ "name": "$word" }"#),
    row("deleteTag").first(&["manage_tags"]),
    row("getAllReplyAssistantEntries").first(ASSISTANT),
    row("getReplyAssistantEntry").first(ASSISTANT),
    row("createReplyAssistantEntry").first(ASSISTANT).body(r#"{ "label": "$word" }"#),
    row("updateReplyAssistantEntry").first(ASSISTANT).body(r#"{ "label": "$word" }"#),
    row("deleteReplyAssistantEntry").first(ASSISTANT),
    row("getAllReplyAssistantGroups").first(ASSISTANT),
    row("getReplyAssistantGroup").first(ASSISTANT),
    row("createReplyAssistantGroup").first(ASSISTANT).body(r#"{ "name": "$word" }"#),
    row("updateReplyAssistantGroup").first(ASSISTANT).body(r#"{ "name": "$word" }"#),
    row("deleteReplyAssistantGroup").first(ASSISTANT),
    row("getAllReplyAssistantVersions").first(ASSISTANT),
    row("getReplyAssistantVersion").first(ASSISTANT),
    row("createReplyAssistantVersion")
        .first(ASSISTANT)
        .body(r#"{ "body": "$word", "entry_id": "$reply_assistant_entry" }"#),
    row("updateReplyAssistantVersion").first(ASSISTANT).body(r#"{ "body": "$word" }"#),
    row("deleteReplyAssistantVersion").first(ASSISTANT),
    row("getReplySuggestions").on_source().right("reply"),
    row("getAllCustomFields").first(&["manage_custom_fields"]),
    row("describeCustomFields"),
    row("getCustomField").first(&["manage_custom_fields"]),
    row("createCustomField")
        .first(&["manage_custom_fields"])
        .body(r#"{ "associated_type_name": "Intervention", "label": "$word" }"#),
    row("updateCustomField").first(&["manage_custom_fields"]).body(r#"{ "label": "$word" }"#),
    row("deleteCustomField").first(&["manage_custom_fields"]),
    row("getAllChannels"),
    row("getChannel"),
    row("createChannel").first(&["manage_topologies"]).body(r#"{ "name": "$word" }"#),
    row("updateChannel").first(&["manage_topologies"]).body(r#"{ "name": "$word" }"#),
    row("deleteChannel").first(&["manage_topologies"]),
    // Leaders of teams see theirs; the stories tell of others'.
    row("getAllAgentStatus").first(&["monitor_tasks", "monitor_team_tasks"]),
    row("getAgentStatus").then(&["monitor_tasks", "monitor_team_tasks"]),
    row("changeAgentStatus")
        .then(&["monitor_tasks", "monitor_team_tasks"])
        .body(r#"{ "custom_status_id": "$presence_status" }"#),
    row("connectToTasks").first(&["receive_tasks"]),
    row("sendHeartbeat").first(&["receive_tasks"]).body(r#"{ "of": "$connected_me" }"#),
    row("disconnectFromTasks"),
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
    row("completeTask").first(TASKS).object("own_task").on_source(),
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
        .body(r#"{ "name": "$word", "json_config": "$topology_document" }"#),
    row("updateTopology").first(&["manage_topologies"]).body(r#"{ "name": "$word" }"#),
    row("rehearseTopology")
        .first(&["manage_topologies"])
        .body(r#"{ "since": "2026-01-01", "json_config": "{}" }"#)
        .may(422),
    row("activateTopology").first(&["manage_topologies"]),
    row("deleteTopology").first(&["manage_topologies"]),
    row("getAllUserCapacities").first(&["manage_topologies"]),
    row("getUserCapacity").first(&["manage_topologies"]),
    row("createUserCapacity").first(&["manage_topologies"]).body(r#"{ "name": "$word" }"#),
    row("updateUserCapacity").first(&["manage_topologies"]).body(r#"{ "name": "$word" }"#),
    row("deleteUserCapacity").first(&["manage_topologies"]),
    row("typeInThread").on_source().object("messaging_thread").right("reply"),
    row("tellPresenceInThread").on_source(),
    row("getThreadDraft").on_source(),
    row("updateThreadDraft").on_source().body(r#"{ "body": "$word" }"#),
    row("getThreadVisitor").on_source().object("messaging_thread"),
    row("getMessagingSettings").then(CONFIGURE).on_source().object("messaging_source"),
    row("updateMessagingSettings")
        .then(CONFIGURE)
        .on_source()
        .object("messaging_source")
        .body(r#"{ "locale": "fr", "custom_css": "a { color: red }" }"#),
    row("getAllTriggers").then(CONFIGURE).on_source().object("messaging_source"),
    row("getTrigger").then(CONFIGURE).on_source().object("messaging_source,trigger"),
    row("createTrigger")
        .then(CONFIGURE)
        .on_source()
        .object("messaging_source")
        .body(r#"{ "label": "$word", "actions": { "show": "open" } }"#),
    row("updateTrigger").then(CONFIGURE).on_source().object("messaging_source,trigger").body(r#"{ "label": "$word" }"#),
    row("moveTrigger").then(CONFIGURE).on_source().object("messaging_source,trigger").body(r#"{ "position": 1 }"#),
    row("deleteTrigger").then(CONFIGURE).on_source().object("messaging_source,trigger"),
    row("getAllCatalogItems").then(CONFIGURE).on_source().object("messaging_source"),
    row("getCatalogItem").then(CONFIGURE).on_source().object("messaging_source,catalog_item"),
    row("createCatalogItem")
        .then(CONFIGURE)
        .on_source()
        .object("messaging_source")
        .body(r#"{ "type": "automatic_message", "label": "$word", "text": "Hello" }"#),
    row("updateCatalogItem")
        .then(CONFIGURE)
        .on_source()
        .object("messaging_source,catalog_item")
        .body(r#"{ "css": "b { color: red }" }"#),
    row("deleteCatalogItem").then(CONFIGURE).on_source().object("messaging_source,catalog_item"),
    row("getAllCustomVariables").then(CONFIGURE).on_source().object("messaging_source"),
    row("getCustomVariable").then(CONFIGURE).on_source().object("messaging_source,custom_variable"),
    row("createCustomVariable")
        .then(CONFIGURE)
        .on_source()
        .object("messaging_source")
        .body(r#"{ "name": "$variable_name" }"#),
    row("updateCustomVariable")
        .then(CONFIGURE)
        .on_source()
        .object("messaging_source,custom_variable")
        .body(r#"{ "label": "$word" }"#),
    row("deleteCustomVariable").then(CONFIGURE).on_source().object("messaging_source,custom_variable"),
    row("getSignedIdentities").first(&["read_community"]).object("messaging_community"),
    row("updateSignedIdentities")
        .first(&["update_community"])
        .object("messaging_community")
        .body(r#"{ "mode": "reject" }"#),
    row("createJwtKey")
        .first(&["update_community"])
        .object("messaging_community")
        .body(r#"{ "key_id": "one", "algorithm": "HS256", "key": "0123456789abcdef01234567" }"#),
    row("deleteJwtKey").first(&["update_community"]).object("keyed_community"),
    row("getAllMessagingMailTemplates").first(&["manage_messaging", "manage_chat"]),
    row("getMessagingMailTemplate").first(&["manage_messaging", "manage_chat"]).object("mail_template"),
    row("createMessagingMailTemplate").first(&["manage_messaging", "manage_chat"]).body(r#"{ "name": "$word" }"#),
    row("updateMessagingMailTemplate")
        .first(&["manage_messaging", "manage_chat"])
        .object("mail_template")
        .body(r#"{ "name": "$word" }"#),
    row("deleteMessagingMailTemplate").first(&["manage_messaging", "manage_chat"]).object("mail_template"),
    row("previewMessagingMailTemplate").first(&["manage_messaging", "manage_chat"]).object("mail_template"),
];
