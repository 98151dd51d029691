//! Runs on a folder of images: which do not fit, and what is said of the others.

use super::{Bench, load};
use std::path::{Path, PathBuf};
use supcon::record;

/// What a run says that is refused because its images do not fit its batches.
fn refused(bench: &Bench, results: &str, root: &Path, batch: usize) -> String {
    let (output, results) = bench.run(
        results,
        &folder_arguments(root, batch).each_ref().map(String::as_str),
    );
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{text}");
    let run = load(&results);
    assert_eq!(run.status.code.as_deref(), Some("DATA-TOO-FEW"), "{text}");
    assert!(run.metrics.is_empty() && run.dir.checkpoint_steps().is_empty());
    run.status.cause.expect("a cause")
}

/// The tiny spec on a folder of images.
pub(in crate::compute) fn folder_arguments(root: &Path, batch: usize) -> [String; 6] {
    let data = format!("{{dataset: image_folder, root: {}}}", root.display());
    [
        format!("--set=data={data}"),
        "--set=data.train_size=~".into(),
        "--set=data.test_size=~".into(),
        "--set=data.validation=~".into(),
        format!("--set=phases.pretrain.batch_size={batch}"),
        format!("--set=phases.classify.batch_size={batch}"),
    ]
}

#[test]
fn batches_that_a_folder_of_images_cannot_fill_or_pair_are_refused_before_the_first_step() {
    let bench = Bench::new();
    let root = bench.folder.path().join("images");
    put_six_classes(&root);
    for (results, batch, key, words) in [
        (
            "a",
            25,
            "batch_size",
            "a batch of 25 is larger than the 6 training images",
        ),
        ("b", 5, "batch_size", "holds one of the 6 images"),
        ("c", 3, "loss.name", "6 images of 6 classes give no pair"),
    ] {
        let cause = refused(&bench, results, &root, batch);
        let place = format!("`phases.pretrain.{key}`: ");
        assert!(
            cause.starts_with(&place) && cause.contains(words),
            "{cause}"
        );
    }
}

/// Six classes of one image each in both splits.
fn put_six_classes(root: &Path) {
    for class in 0..6 {
        put(root, &format!("train/{class}/1.png"), 20 * class);
        put(root, &format!("test/{class}/1.png"), 20 * class + 7);
    }
}

/// A folder of images that a batch of seven fits.
fn bench_of_seven() -> (Bench, PathBuf) {
    let bench = Bench::new();
    let root = bench.folder.path().join("images");
    put_six_classes(&root);
    put(&root, "train/0/2.png", 200);
    (bench, root)
}

fn put(root: &Path, name: &str, value: u8) {
    let path = root.join(name);
    std::fs::create_dir_all(path.parent().expect("a class")).expect("a folder");
    let image = image::RgbImage::from_fn(8, 8, |x, y| image::Rgb([value, x as u8, y as u8]));
    image.save(path).expect("a PNG");
}

#[test]
fn a_complete_run_says_if_its_images_may_be_others() {
    let (bench, root) = bench_of_seven();
    let fits = folder_arguments(&root, 7);
    let fits = fits.each_ref().map(String::as_str);
    let first = bench.record("d", &fits);
    assert_eq!(first.status.data_place, root.canonicalize().ok());
    let said = |more: &[&str]| {
        let (output, _) = bench.run("d", &[&fits[..], more].concat());
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let mut notes = text.lines();
        let found = notes.find(|line| line.contains("took their images from"));
        found.unwrap_or_default().to_owned()
    };
    assert_eq!(said(&[]), "");
    // Another place, there or not.
    let copy = bench.folder.path().join("copy");
    let elsewhere = format!("--data={}", copy.display());
    assert!(said(&[&elsewhere]).contains("copy is named"));
    std::fs::create_dir(&copy).expect("a folder");
    assert!(said(&[&elsewhere]).contains("copy is named"));
    // What may be read says nothing of what is read.
    let image = root.join("train/0/2.png");
    let mut rights = std::fs::metadata(&image).expect("a file").permissions();
    rights.set_readonly(true);
    std::fs::set_permissions(&image, rights).expect("changed");
    assert_eq!(said(&[]), "");
    put(&root, "train/0/3.png", 7);
    assert!(said(&[]).contains("differs there by now"));
    std::fs::remove_file(root.join("train/0/3.png")).expect("removed");
    assert_eq!(said(&[]), "");
    std::fs::remove_dir_all(root.join("train/5")).expect("removed");
    assert!(said(&[]).contains("differs there by now"));
}

#[test]
fn a_note_of_the_images_is_read_once_a_batch_and_stands_in_each_log() {
    let (bench, root) = bench_of_seven();
    put(&root, "train/loose.png", 1);
    let fits = folder_arguments(&root, 7);
    let two = fits.each_ref().map(String::as_str);
    let two = [&two[..], &["--set=seeds=[0, 1]"]].concat();
    let count = |text: &[u8]| {
        String::from_utf8_lossy(text)
            .matches("entries below")
            .count()
    };
    let (output, results) = bench.run("people", &two);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(count(&output.stderr), 1);
    let dirs = record::RunDir::list(&results);
    let logs = dirs
        .iter()
        .map(|dir| std::fs::read(dir.file(record::LOG)).expect("a log"));
    assert_eq!(logs.map(|log| count(&log)).collect::<Vec<_>>(), [1, 1]);
    let (output, _) = bench.run("json", &[&two[..], &["--json"]].concat());
    assert_eq!((count(&output.stdout), count(&output.stderr)), (2, 0));
}
