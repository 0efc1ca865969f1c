//! Sessions: begun, told more, left.

use axum::body::Body;
use axum::response::Response;
use frontdesk_conversations::Conversations;
use frontdesk_conversations::visitors::{self, Claims, Place};
use frontdesk_model::Result;
use frontdesk_store::Tx;
use http::StatusCode;
use serde_json::{Value, json};

use super::Visit;
use super::visit::{RECORDS_MAX, counted};
use crate::devices;
use crate::fields::Fields;
use crate::sessions::{self, Begun, Context, Given, Session};

/// Characters of an address of a page.
const URL_CHARACTERS_MAX: usize = 2_000;

impl Visit {
    async fn given(&self, body: Body) -> Result<Given> {
        let fields = self.fields(body).await?;
        let identity = fields.object("identity")?.map(|identity| identity.claims()).transpose()?;
        // What says nothing asks for nothing.
        let identity = identity.filter(|told| *told != (Claims::default(), None));
        Ok(Given {
            session: fields.text("session", 200)?,
            jwt: fields.text("jwt", crate::jwt::TOKEN_BYTES_MAX)?,
            identity,
            context: context(&fields)?,
        })
    }

    pub(super) async fn begin(&self, body: Body) -> Result<Response> {
        let given = self.given(body).await?;
        let (env, seal) = sessions::store_of(&self.app.desk);
        // Who is known begins anew with every page; who is not is one of their network.
        let (proof, known_env, known_seal) = (given.proof(), env.clone(), seal.clone());
        let known = self.read(move |tx, place| {
            let uuid = sessions::guess(tx, &known_env, &known_seal, place, &proof)?;
            Ok(uuid.map(|uuid| counted(place, &uuid)))
        });
        match known.await? {
            Some(who) => self.admit(&self.app.limits.commands, &who)?,
            None => self.admit(&self.app.limits.of_network.sessions, &self.network())?,
        }
        let (desk, secret) = (self.app.desk.clone(), given.session.clone());
        // What happened before this is in the answer; what comes later has a higher number.
        let seq = self.app.desk.tail.last();
        let begun = self.write(move |tx, place| {
            let begun = sessions::begin(tx, &env, &seal, place, &given)?;
            let told = told(tx, &desk, place, &begun.session)?;
            Ok((begun, told, place.source_id()))
        });
        let (Begun { session, secret: new, ended }, mut told, source_id) = begun.await?;
        told["session"] = new.or(secret).into();
        told["seq"] = seq.into();
        if session.signed {
            // Whoever has said so without a signature is not heard any more.
            self.app.hub.look_again(Some(&(source_id, session.uuid.clone())));
        }
        if let Some(ended) = ended {
            self.app.hub.end(source_id, &session.uuid, ended);
        }
        Ok(self.ok(StatusCode::CREATED, &told))
    }

    pub(super) async fn identify(&self, body: Body) -> Result<Response> {
        let given = self.given(body).await?;
        self.admit_visitor(&self.app.limits.commands).await?;
        let (env, seal) = sessions::store_of(&self.app.desk);
        self.as_visitor(move |tx, place, old| sessions::update(tx, &env, &seal, place, old, &given).map(drop)).await?;
        Ok(self.done())
    }

    pub(super) async fn leave(&self, body: Body) -> Result<Response> {
        self.pass_over(body).await?;
        let secret = self.secret()?;
        let (source_id, session) = self
            .write(move |tx, place| {
                let session = sessions::find_ended(tx, place, &secret)?;
                devices::forget_of(tx, session.id)?;
                sessions::end(tx, session.id)?;
                Ok((place.source_id(), session))
            })
            .await?;
        self.app.hub.end(source_id, &session.uuid, session.id);
        Ok(self.done())
    }
}

/// What the beginning of a session answers, but for the secret and the place.
fn told(tx: &mut dyn Tx, desk: &Conversations, place: &Place, session: &Session) -> Result<Value> {
    let visitor = session.visitor(place);
    let identity_id = visitor.identity_id(tx)?;
    let (threads, _) = visitors::threads(tx, desk, visitor, None, RECORDS_MAX)?;
    let claims = &session.claims;
    Ok(json!({
        "session": null,
        "expires_at": session.signed.then_some(session.expires_at),
        "identity": {
            "id": identity_id, "uuid": session.uuid, "screenname": claims.screenname, "signed": session.signed,
            "email": claims.email,
        },
        "threads": threads,
        "seq": null,
    }))
}

/// What a page says of itself.
pub(super) fn context(fields: &Fields) -> Result<Context> {
    let page = fields.object("page")?;
    let text = |name: &str, most: usize| match &page {
        Some(page) => page.text(name, most),
        None => Ok(None),
    };
    Ok(Context {
        locale: fields.text("locale", 20)?,
        trigger_id: fields.id("trigger_id")?,
        url: text("url", URL_CHARACTERS_MAX)?,
        title: text("title", crate::fields::TEXT_CHARACTERS_MAX)?,
        custom: fields.facts("custom", "custom_")?,
    })
}
