//! The ordered list of migrations; `migrations/README.md` holds its rules.

use frontdesk_store::Migration;

macro_rules! both {
    ($number:literal, $name:literal) => {
        Migration {
            number: $number,
            name: $name,
            sqlite: include_str!(concat!("../../../migrations/", $name, ".sql")),
            postgres: include_str!(concat!("../../../migrations/", $name, ".sql")),
        }
    };
}

macro_rules! each {
    ($number:literal, $name:literal) => {
        Migration {
            number: $number,
            name: $name,
            sqlite: include_str!(concat!("../../../migrations/", $name, ".sqlite.sql")),
            postgres: include_str!(concat!("../../../migrations/", $name, ".postgres.sql")),
        }
    };
}

/// Every migration, in order.
pub(crate) const ALL: &[Migration] = &[
    both!(1, "0001_log"),
    both!(2, "0002_people"),
    both!(3, "0003_conversations"),
    each!(4, "0004_contents"),
    both!(5, "0005_people"),
    both!(6, "0006_time"),
    both!(7, "0007_customers"),
    both!(8, "0008_desk"),
    each!(9, "0009_journal"),
    both!(10, "0010_contents_life"),
    each!(11, "0011_plans"),
    both!(12, "0012_category_jobs"),
    both!(13, "0013_identity_lists"),
];
