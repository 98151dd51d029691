//! The identity of runs, and plans as text.

use super::shipped::shipped;
use super::{Case, GOOD};
use supcon::plan::RunPlan;

#[test]
fn the_identity_is_of_what_reaches_the_figures() {
    let id = |case: Case| case.runs()[0].identity();
    let good = id(Case::new(GOOD));
    for same in [
        "name=other",
        "expect=[]",
        "encoder.width=16",
        "phases.pretrain.loss.temperature=5e-2",
    ] {
        assert_eq!(id(Case::new(GOOD).set(same)), good, "{same}");
    }
    for other in [
        "seeds=[3]",
        "encoder.width=8",
        "phases.pretrain.loss.temperature=0.07",
        "data.train_limit=50",
        "augment=[]",
    ] {
        assert_ne!(id(Case::new(GOOD).set(other)), good, "{other}");
    }
    assert_eq!(Case::new(GOOD).runs()[0].run_id, "good-s0-f40719f6");
}

#[test]
fn plans_survive_yaml() {
    for run in shipped() {
        let text = run.to_yaml().expect("written");
        assert!(!text.contains('!'), "{text}");
        assert_eq!(RunPlan::from_yaml(&text).expect("read"), run);
    }
    assert!(RunPlan::from_yaml("format: 99\n").is_err());
}
