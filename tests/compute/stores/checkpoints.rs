//! Checkpoints that a reader must not take: of another run or step, of another format, with numbers that are none, with
//! links and folders in the place of files; and which ones are kept.

use super::{Store, checkpoint};
use std::fs;
use std::path::Path;
use supcon::record::{
    Checkpoint, Glance, MANIFEST, MODEL, NamedTensor, RunDir, Standing, State, examine, load,
};

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let from = entry.expect("an entry").path();
        fs::copy(&from, to.join(from.file_name().expect("a name"))).expect("copied");
    }
}

/// A checkpoint before the first epoch has ended: nothing in its figures says whose it is.
fn bare(step: u64) -> Checkpoint {
    Checkpoint {
        rows: Vec::new(),
        ..checkpoint(step)
    }
}

/// Step of the newest sound checkpoint, and what is said of those before it.
fn newest(run: &RunDir) -> (u64, Vec<String>) {
    let found = run.newest_checkpoint().expect("a sound one");
    let newest = found.newest.expect("a checkpoint");
    (newest.position.run_steps, found.skipped)
}

#[test]
fn a_checkpoint_of_another_run_or_step_is_none_of_this_one() {
    let store = Store::new();
    let [a, b] = ["a", "b"].map(|name| store.open(name, 0, State::Running));
    a.write_checkpoint(&bare(8)).expect("a checkpoint");
    b.drop_checkpoints().expect("none");
    copy(&a.checkpoint_folder(8), &b.checkpoint_folder(8));
    let error = b
        .newest_checkpoint()
        .expect_err("none of its own")
        .to_string();
    let says = format!("state.json: the state of `{}`", a.run_id());
    assert!(error.contains(&says), "{error}");
    let found = examine(&b, true).findings;
    assert_eq!(
        (found[0].code, &found[0].what),
        (Some("CKPT-NONE-VALID"), &says)
    );
    a.store_phase("a1", &bare(8)).expect("a phase");
    let phases = a.phases_folder();
    copy(&phases.join("a1"), &phases.join("b2"));
    assert!(a.stored_phase("a1").is_some() && a.stored_phase("b2").is_none());
    fs::rename(a.checkpoint_folder(8), a.checkpoint_folder(9)).expect("renamed");
    let skipped = "checkpoint 9 is damaged: the state of step 8".to_owned();
    assert_eq!(newest(&a), (7, vec![skipped]));
}

#[test]
fn numbers_that_are_not_finite_are_nothing_to_go_on_from() {
    let store = Store::new();
    let tensor = NamedTensor {
        name: "3.second".into(),
        shape: vec![2],
        values: vec![1.0, f32::NAN],
    };
    let in_model = Checkpoint {
        model: vec![tensor.clone()],
        ..bare(10)
    };
    let in_optimizer = Checkpoint {
        optimizer: vec![tensor],
        ..bare(10)
    };
    let mut in_sum = bare(10);
    in_sum.position.loss_bits = f64::INFINITY.to_bits();
    for (name, broken, says) in [
        (
            "model",
            in_model,
            "model.safetensors: `3.second` is not finite",
        ),
        (
            "optimizer",
            in_optimizer,
            "optimizer.safetensors: `3.second` is not finite",
        ),
        ("sum", in_sum, "state.json: the sum of losses is not finite"),
    ] {
        let run = store.open(name, 0, State::Running);
        run.write_checkpoint(&bare(9)).expect("a checkpoint");
        run.write_checkpoint(&broken).expect("a checkpoint");
        let (step, skipped) = newest(&run);
        assert_eq!(step, 9, "{name}");
        assert!(skipped[0].ends_with(says), "{skipped:?}");
        assert_eq!(examine(&run, true).findings[0].code, Some("CKPT-SKIPPED"));
    }
}

#[test]
fn checkpoints_that_are_not_finite_drive_out_none_from_which_the_run_can_go_on() {
    let store = Store::new();
    let run = store.open("open", 0, State::Running);
    for step in [8, 9] {
        run.write_checkpoint(&bare(step)).expect("a checkpoint");
    }
    // Moving statistics that overflow: every step is finite, and the run saves on.
    for step in 10..20 {
        let mut overflown = bare(step);
        overflown.model[0].values[0] = f32::INFINITY;
        run.write_checkpoint(&overflown).expect("a checkpoint");
        assert_eq!(run.checkpoint_steps(), [step, 9, 8]);
        assert_eq!(newest(&run).0, 9);
    }
    run.write_checkpoint(&bare(20)).expect("a checkpoint");
    assert_eq!(run.checkpoint_steps(), [20, 9]);
}

#[test]
fn what_another_version_wrote_is_not_read_and_not_replaced() {
    let store = Store::new();
    let other = |path: &Path| {
        let text = fs::read_to_string(path).expect("a manifest");
        let other = text.replace("\"format\": 1", "\"format\": 2");
        assert_ne!(text, other);
        fs::write(path, &other).expect("written");
        other
    };
    let says = "of format 2, this program knows 1: use the version that wrote it";
    let done = store.finished("done", 0);
    let manifest = other(&done.file(MANIFEST));
    assert!(!done.is_done());
    let refusals = [load(done.path()).map(drop), done.damage().map(drop)];
    for refused in refusals {
        let error = refused.expect_err("refused");
        assert!(error.to_string().ends_with(says), "{error}");
        assert_eq!(error.exit_code(), 4);
    }
    let kept = fs::read_to_string(done.file(MANIFEST)).expect("a manifest");
    assert!(kept == manifest && done.file(MODEL).is_file());
    let glance = Glance::at(done.clone());
    assert_eq!(glance.standing, Standing::Damaged);
    assert!(glance.cause.expect("a cause").ends_with(says));
    assert_eq!(examine(&done, false).findings[0].what, says);
    // Of an open run the checkpoint before it is taken.
    let open = store.open("open", 0, State::Running);
    open.write_checkpoint(&bare(8)).expect("a checkpoint");
    other(&open.checkpoint_folder(8).join(MANIFEST));
    let skipped = format!("checkpoint 8 is damaged: {MANIFEST}: {says}");
    assert_eq!(newest(&open), (7, vec![skipped]));
    let mut state = bare(8);
    state.position.format = 2;
    open.write_checkpoint(&state).expect("a checkpoint");
    assert!(newest(&open).1[0].ends_with(&format!("state.json: {says}")));
    open.write_checkpoint(&bare(9)).expect("a checkpoint");
    assert_eq!(open.checkpoint_steps(), [9, 8, 7]);
}

#[test]
fn a_folder_in_the_place_of_a_file_is_replaced_and_swept() {
    let store = Store::new();
    let run = store.open("open", 0, State::Running);
    let inside = |folder: &Path| {
        fs::create_dir_all(folder).expect("a folder");
        fs::write(folder.join("x"), "x").expect("written");
    };
    let model = run.checkpoint_folder(7).join(MODEL);
    fs::remove_file(&model).expect("removed");
    inside(&model);
    assert!(run.newest_checkpoint().is_err());
    run.write_checkpoint(&checkpoint(7)).expect("a checkpoint");
    assert_eq!(newest(&run), (7, Vec::new()));
    let left = run.file("checkpoints/.8.17.tmp");
    inside(&left.join(MODEL));
    run.take_over().expect("swept");
    assert!(!left.exists());
}

#[cfg(unix)]
#[test]
fn links_are_not_read_and_removed_without_what_they_lead_to() {
    use std::os::unix::fs::symlink;

    let store = Store::new();
    let run = store.open("open", 0, State::Running);
    let outside = store.results().join("outside");
    copy(&run.checkpoint_folder(7), &outside);
    let model = run.checkpoint_folder(7).join(MODEL);
    fs::remove_file(&model).expect("removed");
    symlink(outside.join(MODEL), &model).expect("a link");
    let error = run.newest_checkpoint().expect_err("a link").to_string();
    assert!(
        error.contains("model.safetensors: not a plain file"),
        "{error}"
    );
    for link in [run.checkpoint_folder(9), run.file("notes")] {
        symlink(&outside, link).expect("a link");
    }
    let whole = fs::read_dir(&outside).expect("a folder").count();
    run.drop_checkpoints().expect("dropped");
    run.remove().expect("removed");
    assert!(!run.path().exists());
    assert_eq!(fs::read_dir(&outside).expect("a folder").count(), whole);
}

#[test]
fn a_damaged_checkpoint_is_none_of_the_two_that_are_kept() {
    let store = Store::new();
    let run = store.open("open", 0, State::Running);
    let damage = |step: u64| {
        let model = run.checkpoint_folder(step).join(MODEL);
        let mut bytes = fs::read(&model).expect("a model");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(model, bytes).expect("written");
    };
    for step in [90, 100] {
        run.write_checkpoint(&bare(step)).expect("a checkpoint");
    }
    damage(100);
    run.write_checkpoint(&bare(110)).expect("a checkpoint");
    assert_eq!(run.checkpoint_steps(), [110, 90]);
    // A run that went on at an older one writes before the damaged one.
    damage(110);
    run.write_checkpoint(&bare(95)).expect("a checkpoint");
    assert_eq!(run.checkpoint_steps(), [95, 90]);
    assert_eq!(newest(&run), (95, Vec::new()));
}

#[cfg(unix)]
#[test]
fn a_checkpoint_that_cannot_be_read_is_not_removed_for_that() {
    use std::os::unix::fs::symlink;

    let store = Store::new();
    let run = store.open("open", 0, State::Running);
    run.write_checkpoint(&bare(8)).expect("a checkpoint");
    // A loop of links cannot be opened by anybody, whoever runs this: as if the medium failed.
    let [place, away] = [run.checkpoint_folder(8), run.file("away")];
    fs::rename(&place, &away).expect("renamed");
    symlink(&place, &place).expect("a link");
    run.write_checkpoint(&bare(9)).expect("a checkpoint");
    assert!(fs::symlink_metadata(&place).is_ok());
    fs::remove_file(&place).expect("removed");
    fs::rename(&away, &place).expect("renamed");
    assert_eq!(run.checkpoint_steps(), [9, 8, 7]);
}

#[test]
fn the_two_with_the_largest_numbers_are_kept() {
    let store = Store::new();
    let run = store.open("open", 0, State::Running);
    for step in [9, 99, 10, 100] {
        run.write_checkpoint(&bare(step)).expect("a checkpoint");
    }
    assert_eq!(run.checkpoint_steps(), [100, 99]);
}
