//! Where a visitor is, and how they are reached when they have gone.

use axum::body::Body;
use axum::response::Response;
use frontdesk_conversations::visitors::{self, Claims, Seen};
use frontdesk_model::Result;

use super::Visit;
use super::sessions::context;
use crate::devices::{self, Device};
use crate::fields::is_email;
use crate::sessions::{self, Context};
use crate::{settings, unread};

impl Visit {
    pub(super) async fn note_page(&self, body: Body) -> Result<Response> {
        let context = context(&self.fields(body).await?)?;
        self.admit_visitor(&self.app.limits.commands).await?;
        let env = self.app.desk.env.clone();
        self.as_visitor(move |tx, place, session| {
            let seen = Seen {
                url: context.url.clone(),
                title: context.title.clone(),
                custom: context.custom.clone(),
                keep: settings::of(tx, place.source_id())?.navigation_contents,
            };
            visitors::visit(tx, &env, session.visitor(place), &seen)?;
            sessions::note(tx, &env, place, session, Claims::default(), &context).map(drop)
        })
        .await?;
        Ok(self.done())
    }

    pub(super) async fn note_email(&self, body: Body) -> Result<Response> {
        let fields = self.fields(body).await?;
        let email = fields.email("email")?.filter(|email| is_email(email));
        let Some(email) = email else { return fields.wrong("email", "invalid", "must be an e-mail address.") };
        self.admit_visitor(&self.app.limits.commands).await?;
        let env = self.app.desk.env.clone();
        self.as_visitor(move |tx, place, session| {
            let told = Claims { email: Some(email.clone()), ..Claims::default() };
            let session = sessions::note(tx, &env, place, session, told, &Context::default())?;
            match session.visitor(place).identity_id(tx)? {
                Some(identity_id) => unread::arm_all(tx, place.source_id(), identity_id, env.now()),
                None => Ok(()),
            }
        })
        .await?;
        Ok(self.done())
    }

    pub(super) async fn register_device(&self, id: &str, body: Body) -> Result<Response> {
        let device = Device::read(id, &self.fields(body).await?)?;
        self.admit_visitor(&self.app.limits.commands).await?;
        let env = self.app.desk.env.clone();
        self.as_visitor(move |tx, place, session| devices::register(tx, &env, place, &session, &device)).await?;
        Ok(self.done())
    }

    pub(super) async fn forget_device(&self, id: &str, body: Body) -> Result<Response> {
        self.pass_over(body).await?;
        let id = devices::id(id)?.to_owned();
        self.admit_visitor(&self.app.limits.commands).await?;
        self.as_visitor(move |tx, place, session| devices::forget(tx, place, &session, &id)).await?;
        Ok(self.done())
    }
}
