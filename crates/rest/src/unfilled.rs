//! Documented properties of what there is not: always null.

use std::borrow::Cow;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, Serializer};

/// A documented property that nothing fills in this version. It is null, of the type that the public file says, so that
/// clients find it where they look for it; and it takes no room.
#[derive(Clone, Copy, Debug)]
pub struct Unfilled<T>(PhantomData<T>);

impl<T> Default for Unfilled<T> {
    fn default() -> Self {
        Unfilled(PhantomData)
    }
}

impl<T> Serialize for Unfilled<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_none()
    }
}

impl<T: JsonSchema> JsonSchema for Unfilled<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Option::<T>::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Option::<T>::json_schema(generator)
    }
}
