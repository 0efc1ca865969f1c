//! A documented answer holds the documented properties and no others: typed clients fail on unknown ones.

use std::collections::BTreeSet;

use frontdesk_tests::description::Description;
use frontdesk_tests::http::Request;
use frontdesk_tests::pages::{id, records};
use frontdesk_tests::{Cast, Engine};
use serde_json::{Value, json};

on_both_engines![
    documented_answers_hold_exactly_the_documented_properties,
    our_own_properties_appear_when_they_are_asked_for,
    an_answer_that_is_not_as_described_is_noticed,
];

/// What the published description lists for one schema.
struct Schema {
    name: &'static str,
    /// Always there.
    always: &'static str,
    /// There where it applies.
    sometimes: &'static str,
}

const SOURCE: Schema = Schema {
    name: "Source",
    always: "active auto_detect_content_language channel_id color color_hex community_id content_archiving \
        content_archiving_period content_languages created_at default_category_ids default_content_language \
        auto_response_triggers auto_response_trigger_enabled auto_response_trigger_grace_periods signatures from_name \
        error_message hidden_from_stats id intervention_messages_boost name sla_expired_strategy sla_response \
        sla_threshold sla_filtering_categories_strategy sla_filtering_category_ids default_task_priority status \
        time_sheet_ids transferred_tasks_boost attachments_security_level type updated_at \
        user_thread_default_category_ids time_for_thread_inclusion",
    sometimes: "enable_android enable_ios enable_web live_chat",
};
const COMMUNITY: Schema =
    Schema { name: "Community", always: "active created_at id name type updated_at", sometimes: "" };
const THREAD: Schema = Schema {
    name: "Thread",
    always: "category_ids closed contents_count created_at extra_data foreign_id id interventions_count source_id \
        thread_category_ids title updated_at",
    sometimes: "",
};
const CONTENT: Schema = Schema {
    name: "Content",
    always: "approval_required attachments attachments_count author_id auto_submitted body body_formatted \
        body_input_format category_ids created_at created_from creator_id first_in_thread foreign_id id \
        identity_group_id in_reply_to_author_id in_reply_to_id intervention_id language private_message published \
        remotely_deleted source_id source_type source_url status synchronization_status synchronization_error thread_id \
        title type updated_at capabilities_supported",
    sometimes: "context_data foreign_categories headers original_body rating rated_with rating_reason source_language \
        target_language translated_body translation_error translation_status structured_content structured_reply",
};
const IDENTITY: Schema = Schema {
    name: "Identity",
    always: "avatar_url community_id community_url company created_at display_name email extra_values firstname foreign_id \
        gender home_phone id identity_group_id lastname mobile_phone screenname type updated_at user_ids uuid",
    sometimes: "",
};
const INTERVENTION: Schema = Schema {
    name: "Intervention",
    always: "category_ids closed closed_at comments_count content_id created_at custom_fields deferred_at \
        first_user_reply_id first_user_reply_in first_user_reply_in_bh id identity_id identity_group_id \
        last_user_reply_in last_user_reply_in_bh source_id status thread_id updated_at user_id user_replies_count \
        user_reply_in_average user_reply_in_average_bh user_reply_in_average_count",
    sometimes: "detected_language satisfaction_grade satisfaction_answered_at satisfaction_sent_at survey_response_id \
        survey_id translation_enabled",
};
const CATEGORY: Schema = Schema {
    name: "Category",
    always: "color created_at id mandatory multiple name parent_id post_qualification source_ids unselectable updated_at",
    sometimes: "",
};
const CONTENT_ATTACHMENT: Schema = Schema {
    name: "ContentAttachment",
    always: "content_type created_at embed filename foreign_id id public? size updated_at url",
    sometimes: "",
};
const ATTACHMENT: Schema = Schema {
    name: "Attachment",
    always: "content_type created_at embed filename foreign_id id public? size updated_at url video_metadata",
    sometimes: "",
};
const USER: Schema = Schema {
    name: "User",
    always: "category_ids created_at email enabled external_id firstname gender id identity_ids invitation_pending lastname \
        locale nickname rc_user_id role_id spoken_languages team_ids timezone updated_at user_capacity_id no_password",
    sometimes: "",
};
const TEAM: Schema =
    Schema { name: "Team", always: "created_at id leader_ids name updated_at user_ids", sometimes: "" };
const ROLE: Schema = Schema {
    name: "Role",
    always: "access_help_center access_previous_messages access_pull_mode admin_stamp_answer anonymize_identity \
        approve_content ask_an_expert assign_intervention author_block_content close_content_thread \
        create_and_destroy_extension create_community create_content_source create_user created_at delay_export_content \
        delete_content_thread escalate_to_video export_identity id impersonate_user invite_user label lock_identity \
        manage_api_access_tokens manage_app_sdk_applications manage_categories manage_chat manage_custom_fields \
        manage_custom_notifications manage_emails_templates manage_folders manage_ice manage_identities \
        manage_messaging manage_own_notifications manage_reply_assistant manage_roles manage_rules_engine_rules \
        manage_tags manage_teams manage_topologies manage_users_of_my_teams monitor_tasks monitor_team_tasks \
        mute_content open_content_thread publish_content read_community read_content_source read_event read_export \
        read_identity read_own_stats read_presence read_stats read_user receive_tasks reply_with_assistant \
        search_contents search_event update_community update_content_source update_extension update_identity \
        update_intervention update_own_intervention update_settings update_time_sheet update_user updated_at \
        use_cobrowsing use_emoji",
    sometimes: "",
};

const SETTINGS: Schema = Schema {
    name: "Settings",
    always: "activity_presence_threshold activity_tracking beginning_of_week browser_notifications_disabled \
        content_languages[] created_at deny_iframe_integration disable_password_autocomplete \
        display_only_unknown_bbcode dump_in_preprod enable_auto_scroll_down expire_password_after \
        expire_password_enabled fte_duration id identity_merge intervention_closing_period intervention_defer_rates \
        intervention_defer_threshold intervention_rates locale multi_lang name password_archivable_enabled \
        password_archivable_size password_min_length password_non_word password_numbers password_recovery_disabled \
        push_enabled reply_as_any_identity rtl_support self_approval_required session_timeout sharding_key \
        spellchecking style third_party_services_disabled timezone type updated_at urgent_task_threshold \
        use_two_letters_avatars",
    sometimes: "",
};

impl Schema {
    #[track_caller]
    fn check(&self, record: &Value) {
        let words = |text: &'static str| -> BTreeSet<&str> { text.split_whitespace().collect() };
        let always = words(self.always);
        let documented: BTreeSet<&str> = always.union(&words(self.sometimes)).copied().collect();
        let object = record.as_object().unwrap_or_else(|| panic!("{}: {record}", self.name));
        let given: BTreeSet<&str> = object.keys().map(String::as_str).collect();
        let unknown: Vec<_> = given.difference(&documented).collect();
        let missing: Vec<_> = always.difference(&given).collect();
        assert!(unknown.is_empty() && missing.is_empty(), "{}: unknown {unknown:?}, missing {missing:?}", self.name);
        for (name, value) in object {
            if name == "id"
                || name.ends_with("_id") && !matches!(name.as_str(), "foreign_id" | "external_id" | "rc_user_id")
            {
                let is_id = |text: &str| text.len() == 24 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
                assert!(value.is_null() || value.as_str().is_some_and(is_id), "{}.{name}: {value}", self.name);
            }
            if name.ends_with("_at") {
                let is_time = |text: &str| text.len() == 20 && text.ends_with('Z') && text.as_bytes()[10] == b'T';
                assert!(value.is_null() || value.as_str().is_some_and(is_time), "{}.{name}: {value}", self.name);
            }
            if name.ends_with("_ids") || name == "attachments" || name == "records" {
                assert!(value.is_array(), "{}.{name}: {value}", self.name);
            }
        }
    }
}

fn documented_answers_hold_exactly_the_documented_properties(engine: Engine) {
    let cast = Cast::shared(engine);
    let otto = &cast.otto;
    let (source, channel) = cast.new_source();
    let mut message = source.message("m", "t", "vera", "Hello?");
    message["context_data"] = json!({ "order": 7 });
    message["categories"] = json!(["VIP"]);
    message["attachments"] = json!([{ "content": "aGVsbG8=", "filename": "a.txt" }]);
    source.tells("messages.create", &message);
    let content = source.contents(otto, "t").remove(0);
    let reply = otto.reply(&id(&content), "Hello");
    channel.push_of("Hello");
    let (thread, intervention) = (content["thread_id"].as_str().unwrap(), reply["intervention_id"].as_str().unwrap());
    let (author, own) = (content["author_id"].as_str().unwrap(), reply["author_id"].as_str().unwrap());
    let file = content["attachments"][0]["id"].as_str().unwrap();
    let category = id(&otto.create_category(&json!({})));
    let role = records(&otto.get("/1.0/roles").ok())[1]["id"].as_str().unwrap().to_owned();
    let team = id(&otto.post("/1.0/teams", &json!({ "name": "Everybody" })).ok());
    CONTENT.check(&reply);
    for (schema, path) in [
        (&SOURCE, format!("content_sources/{}", source.id)),
        (&COMMUNITY, format!("communities/{}", source.community_id)),
        (&THREAD, format!("content_threads/{thread}")),
        (&CONTENT, format!("contents/{}", id(&content))),
        (&CONTENT, format!("contents/{}", id(&reply))),
        (&IDENTITY, format!("identities/{author}")),
        (&IDENTITY, format!("identities/{own}")),
        (&INTERVENTION, format!("interventions/{intervention}")),
        (&CATEGORY, format!("categories/{category}")),
        (&ATTACHMENT, format!("attachments/{file}")),
        (&USER, "users/me".to_owned()),
        (&USER, format!("users/{}", cast.ada.user_id)),
        (&ROLE, format!("roles/{role}")),
        (&TEAM, format!("teams/{team}")),
        (&SETTINGS, "settings".to_owned()),
    ] {
        schema.check(&otto.get(&format!("/1.0/{path}")).ok());
    }
    for content in [&content, &reply] {
        let formatted = content["body_formatted"].as_object().unwrap();
        assert_eq!(formatted.keys().collect::<Vec<_>>().len(), 2);
        assert!(formatted.contains_key("text") && formatted.contains_key("html"));
        content["attachments"].as_array().unwrap().iter().for_each(|file| CONTENT_ATTACHMENT.check(file));
    }
    for (schema, list) in [
        (&SOURCE, "content_sources"),
        (&COMMUNITY, "communities"),
        (&THREAD, "content_threads"),
        (&CONTENT, "contents"),
        (&IDENTITY, "identities"),
        (&INTERVENTION, "interventions"),
        (&CATEGORY, "categories"),
        (&ATTACHMENT, "attachments"),
        (&USER, "users"),
        (&ROLE, "roles"),
        (&TEAM, "teams"),
    ] {
        let page = otto.get(&format!("/1.0/{list}?limit=150")).ok();
        assert!(!records(&page).is_empty(), "{list}");
        records(&page).iter().for_each(|record| schema.check(record));
    }
    // What changes something answers the same record.
    SOURCE.check(&otto.put(&format!("/1.0/content_sources/{}", source.id), &json!({ "color": 1 })).ok());
    CATEGORY.check(&otto.put(&format!("/1.0/categories/{category}"), &json!({ "color": 1 })).ok());
    CATEGORY.check(&otto.delete(&format!("/1.0/categories/{category}")).ok());
    let none = json!({ "category_ids": [], "thread_category_ids": [] });
    THREAD.check(&otto.put(&format!("/1.0/content_threads/{thread}/update_categories"), &none).ok());
    CONTENT.check(&otto.put(&format!("/1.0/contents/{}/update_categories", id(&content)), &none).ok());
    INTERVENTION.check(&otto.put(&format!("/1.0/interventions/{intervention}/update_categories"), &none).ok());
    INTERVENTION.check(&otto.put(&format!("/1.0/interventions/{intervention}"), &none).ok());
    INTERVENTION.check(&otto.put(&format!("/1.0/interventions/{intervention}/close"), &none).ok());
    INTERVENTION.check(&otto.engage(&id(&content)));
    CONTENT.check(&otto.put(&format!("/1.0/contents/{}/ignore", id(&content)), &none).ok());
}

fn our_own_properties_appear_when_they_are_asked_for(engine: Engine) {
    let cast = Cast::shared(engine);
    let extended = |path: &str| cast.otto.get(&format!("/1.0/{path}?extended=true")).ok();
    let source = extended(&format!("content_sources/{}", cast.shop.id));
    assert!(source.get("base_uri").is_some() && source.get("access_token").is_some());
    let roles = extended("roles");
    let permissions = |role: &Value| role.as_object().unwrap().values().filter(|value| value.is_boolean()).count();
    assert_eq!(permissions(&records(&roles)[0]), 74);
    assert_eq!(permissions(&records(&cast.otto.get("/1.0/roles").ok())[0]), 69);
    for list in ["content_threads", "contents", "identities", "interventions", "users", "communities"] {
        extended(list);
    }
}

/// Every answer that a story gets through a person or a server is held against the description. This shows that it
/// would be noticed.
fn an_answer_that_is_not_as_described_is_noticed(engine: Engine) {
    let cast = Cast::shared(engine);
    let description = Description::of(cast.server.address());
    let request = Request::new("GET", &format!("/1.0/users/{}", cast.ada.user_id)).token(&cast.otto.token);
    let right = cast.server.send(&request);
    assert_eq!(description.fault(&request, &right), None);
    let changed = |change: &dyn Fn(&mut Value)| {
        let (mut body, mut answer) = (right.json(), right.clone());
        change(&mut body);
        answer.body = body.to_string().into_bytes();
        description.fault(&request, &answer).expect("a fault")
    };
    assert!(changed(&|user| user["surprise"] = json!(1)).contains("surprise is not described"));
    assert!(changed(&|user| user["enabled"] = json!("true")).contains("enabled"));
    assert!(changed(&|user| user["role_id"] = json!("role")).contains("role_id"));
    assert!(changed(&|user| user["created_at"] = json!("2026-01-01")).contains("created_at"));
    assert!(changed(&|user| user["team_ids"] = json!([1])).contains("team_ids: [0]"));
    assert!(changed(&|user| _ = user.as_object_mut().unwrap().remove("email")).contains("email is missing"));
    let mut teapot = right.clone();
    teapot.status = 418;
    assert!(description.fault(&request, &teapot).unwrap().contains("418 is not described"));
    let role = Request::new("GET", "/1.0/roles").token(&cast.otto.token);
    let mut extended = cast.server.send(&Request::new("GET", "/1.0/roles?extended=true").token(&cast.otto.token));
    assert!(description.fault(&role, &extended).unwrap().contains("is ours and was not asked for"));
    extended.status = 404;
    assert!(description.fault(&role, &extended).is_some());
}
