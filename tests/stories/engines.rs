//! Every story is told on both engines.

/// Makes two tests of each story: `sqlite::story` and `postgres::story`.
macro_rules! on_both_engines {
    ($($story:ident),* $(,)?) => {
        mod sqlite {
            $(#[test] fn $story() { super::$story(frontdesk_tests::Engine::Sqlite); })*
        }
        mod postgres {
            $(#[test] fn $story() { super::$story(frontdesk_tests::Engine::Postgres); })*
        }
    };
}
