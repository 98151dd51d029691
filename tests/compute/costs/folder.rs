//! The costs of a plan whose folder of images was counted, against a run on it.

use super::{cost, folder_bytes};
use crate::compute::runs::{Bench, bytes, folder_arguments};
use image::{Rgb, RgbImage};
use std::path::Path;
use std::process::Command;
use supcon::{data, record};

#[test]
fn a_plan_that_counts_a_folder_of_images_has_the_costs_of_the_run() {
    let bench = Bench::new();
    let root = bench.folder().join("images");
    for (split, images) in [("train", 12), ("test", 8)] {
        for class in ["cat", "dog", "a long name"] {
            let folder = root.join(split).join(class);
            std::fs::create_dir_all(&folder).expect("a folder");
            for number in 0..images {
                let pixel = |x, y| Rgb([number * 9, x as u8, (y as usize + class.len()) as u8]);
                let image = RgbImage::from_fn(8, 8, pixel);
                image
                    .save(folder.join(format!("{number}.png")))
                    .expect("a PNG");
            }
        }
    }
    let arguments = folder_arguments(&root, 9);
    let arguments = arguments.each_ref().map(String::as_str);
    let mut run = bench.record("counted", &arguments);
    assert!(cost(&run).disk.is_none(), "nobody has counted");
    run.plan.data.folder = data::count(&run.plan.data, None).expect("a folder");
    let planned = cost(&run);
    let images = planned.images.expect("known");
    assert_eq!((images.train, images.validation, images.test), (36, 0, 24));
    for phase in &planned.phases {
        let rows = run.metrics.iter().filter(|row| row.phase == phase.name);
        let last = rows.map(|row| row.step).max();
        assert_eq!(phase.steps.map(|steps| steps.total as u64), last);
        assert!(phase.memory.is_some_and(|memory| memory.images.is_some()));
    }
    let disk = planned.disk.expect("known");
    assert_eq!(disk.model, bytes(&run, record::MODEL).len() as u64);
    assert_eq!(disk.plan, bytes(&run, record::PLAN).len() as u64);
    let part = disk.total as f64 / folder_bytes(&run) as f64;
    assert!((part - 1.0).abs() < 0.1, "{part}");
    // The program counts too, and says what it could not count.
    let plan = |root: &Path| {
        let output = Command::new(env!("CARGO_BIN_EXE_supcon"))
            .arg("plan")
            .arg(bench.spec())
            .args(folder_arguments(root, 9))
            .output()
            .expect("supcon starts");
        assert!(output.status.success());
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        (text(&output.stdout), text(&output.stderr))
    };
    let (told, noted) = plan(&root);
    assert!(
        told.contains("4 an epoch, the last one with 9 images;") && noted.is_empty(),
        "{told}{noted}"
    );
    let (told, noted) = plan(&root.join("train"));
    assert!(
        told.contains("depends on the folder's images")
            && noted.starts_with("note: the images are not counted: "),
        "{told}{noted}"
    );
}
