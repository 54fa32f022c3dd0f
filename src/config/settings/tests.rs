//! Tests of [`super`].

use super::*;

#[test]
fn the_values_of_variables_do_not_reach_debug_output() {
    let env = Variables([("API_KEY".to_owned(), "sk-secret".to_owned())].into());
    let profile = Profile { env, ..Profile::default() };
    let shown = format!("{profile:?}");
    assert!(shown.contains("API_KEY") && !shown.contains("sk-secret"), "{shown}");
}
