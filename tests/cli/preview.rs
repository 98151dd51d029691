//! `supcon preview` as a user runs it: the sheet on disk against its layout and the images of the data set, and what is
//! said when there is nothing to draw.

use image::RgbImage;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use supcon::data::{self, Dataset, LoadOptions};
use supcon::plan::{self, RunPlan};
use supcon::preview::{PreviewOptions, Sheet};
use supcon::spec::Overrides;

/// Two phases with different augmentation on procedural images.
const SPEC: &str = "\
name: sheet
seeds: [3]
data: {dataset: shapes, train_size: 120, test_size: 20}
encoder: {name: resnet_cifar, blocks: 1, width: 8}
phases:
  pretrain:
    epochs: 2
    batch_size: 25
    augment: [{normalize: per_channel}, {flip: horizontal}, {rotate: 0.1}, {random_width: 0.2}]
    head: {name: projection, widths: [16]}
    loss: {name: npairs}
    optimizer: {name: adam}
  classify:
    epochs: 2
    batch_size: 25
    augment: [{flip: horizontal}]
    freeze: [encoder]
    head: {name: classifier}
    loss: {name: cross_entropy}
    optimizer: {name: adam}
";

const IMAGES: usize = 12;
const DRAWS: usize = 3;
/// The original, four steps, three draws.
const COLUMNS: usize = 1 + 4 + DRAWS;

struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("sheet.yaml"), SPEC).expect("a spec");
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn preview(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_supcon"))
            .arg("preview")
            .arg(self.path("sheet.yaml"))
            .arg("--results")
            .arg(self.path("results"))
            .args(arguments)
            .env_remove("SUPCON_DATA")
            .output()
            .expect("supcon starts")
    }

    /// The bytes of the file that the program names.
    fn drawn(&self, arguments: &[&str]) -> (PathBuf, Vec<u8>) {
        let output = self.preview(arguments);
        let (stdout, stderr) = texts(&output);
        assert!(output.status.success(), "{stderr}");
        let path = stdout.trim().strip_prefix("preview: ").expect("a path");
        let path = PathBuf::from(path);
        let bytes = std::fs::read(&path).expect("the file is there");
        (path, bytes)
    }

    /// The sheet that the same arguments describe.
    fn sheet(&self, phase: usize) -> (Sheet, Dataset) {
        let runs = plan::load_runs(&[self.path("sheet.yaml")], &Overrides::default());
        let run: RunPlan = runs.expect("a good spec").remove(0);
        let load = LoadOptions {
            data_dir: None,
            cache_dir: self.path("results/cache"),
            disk: supcon::disk::Disk::real(),
            progress: &|_| {},
        };
        let data = data::load(&run.data, &load).expect("images");
        let options = PreviewOptions {
            images: IMAGES,
            draws: DRAWS,
        };
        let sheet = Sheet::new(&run, phase, &data, options).expect("a small sheet");
        (sheet, data)
    }
}

fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

fn decoded(bytes: &[u8]) -> RgbImage {
    image::load_from_memory(bytes)
        .expect("a sound PNG")
        .into_rgb8()
}

/// The picture of `size` (height, width) in a cell, one pixel from each of its squares.
fn cell(png: &RgbImage, sheet: &Sheet, at: (usize, usize), size: (usize, usize)) -> Vec<u8> {
    let (left, top) = sheet.layout.corner(at.0, at.1);
    let factor = sheet.layout.factor;
    let mut pixels = Vec::new();
    for y in 0..size.0 * factor {
        for x in 0..size.1 * factor {
            let here = png.get_pixel((left + x) as u32, (top + y) as u32).0;
            let (x, y) = (x / factor * factor, y / factor * factor);
            let first = png.get_pixel((left + x) as u32, (top + y) as u32).0;
            assert_eq!(here, first, "a square has one colour");
        }
    }
    for y in (0..size.0).map(|y| top + y * factor) {
        for x in (0..size.1).map(|x| left + x * factor) {
            pixels.extend(png.get_pixel(x as u32, y as u32).0);
        }
    }
    pixels
}

fn mirrored(image: &[u8], width: usize) -> Vec<u8> {
    let rows = image.chunks_exact(width * 3);
    rows.flat_map(|row| row.rchunks_exact(3).flatten().copied())
        .collect()
}

const FEW: [&str; 2] = ["--images=12", "--draws=3"];

#[test]
fn the_sheet_holds_the_images_and_what_training_makes_of_them() {
    let bench = Bench::new();
    let (path, bytes) = bench.drawn(&FEW);
    assert_eq!(path, bench.path("results/preview/sheet-pretrain.png"));
    let png = decoded(&bytes);
    let (sheet, data) = bench.sheet(0);
    let size = (sheet.layout.width as u32, sheet.layout.height as u32);
    assert_eq!(png.dimensions(), size);
    assert_eq!((sheet.rows.len(), sheet.layout.factor), (IMAGES, 4));
    let (mut flipped, mut widths) = (0, std::collections::BTreeSet::new());
    for (number, row) in sheet.rows.iter().enumerate() {
        // Classes in turn: image k of `shapes` has class k mod 10.
        assert_eq!(row.index as usize, number);
        assert_eq!(row.pictures.len(), COLUMNS);
        let source = data.train.image(row.index as usize);
        let original = cell(&png, &sheet, (number, 0), (32, 32));
        assert_eq!(original, source);
        // Normalising alone, undone, is the image itself.
        assert_eq!(cell(&png, &sheet, (number, 1), (32, 32)), source);
        let flip = cell(&png, &sheet, (number, 2), (32, 32));
        assert!(flip == source || flip == mirrored(source, 32));
        flipped += usize::from(flip != source);
        for (column, picture) in row.pictures.iter().enumerate() {
            let size = (picture.height, picture.width);
            let shown = cell(&png, &sheet, (number, column), size);
            assert_eq!(shown, picture.pixels);
        }
        widths.extend(row.pictures[5..].iter().map(|picture| picture.width));
        assert!(row.pictures[5..].iter().any(|p| p.pixels != source));
    }
    assert!((1..IMAGES).contains(&flipped), "{flipped} are flipped");
    assert!(widths.len() > 1, "{widths:?}");
}

#[test]
fn equal_calls_give_equal_bytes_and_another_seed_or_phase_gives_others() {
    let bench = Bench::new();
    let (_, first) = bench.drawn(&FEW);
    let out = bench.path("deep/er/again.png");
    let out = out.to_str().expect("a path in ASCII");
    let (path, again) = bench.drawn(&[FEW[0], FEW[1], "--out", out]);
    assert_eq!(path, Path::new(out));
    assert_eq!(first, again);
    let (_, spec_seed) = bench.drawn(&[FEW[0], FEW[1], "--seed=3", "--phase=pretrain"]);
    assert_eq!(first, spec_seed);
    let (_, other_seed) = bench.drawn(&[FEW[0], FEW[1], "--seed=4"]);
    assert_ne!(first, other_seed);
    let (path, other_phase) = bench.drawn(&[FEW[0], FEW[1], "--phase=classify"]);
    assert_eq!(path, bench.path("results/preview/sheet-classify.png"));
    assert_ne!(first, other_phase);
    let (sheet, _) = bench.sheet(1);
    let size = (sheet.layout.width as u32, sheet.layout.height as u32);
    assert_eq!(decoded(&other_phase).dimensions(), size);
}

#[test]
fn an_unknown_phase_is_refused_with_the_nearest_name() {
    let bench = Bench::new();
    let output = bench.preview(&["--phase", "pretrian"]);
    let (stdout, stderr) = texts(&output);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(stdout, "");
    let expected = "\
error[unknown-name]: `sheet` has no phase `pretrian`
 --> --phase:1:1
  |
1 | pretrian
  | ^^^^^^^^ did you mean `pretrain`?
  = note: its phases: `pretrain`, `classify`
  = help: write `pretrain`
error: 1 problem in --phase, nothing was run
for more: `supcon help unknown-name`
";
    assert_eq!(stderr, expected);
    assert!(!bench.path("results").exists());
}

#[test]
fn two_specs_and_a_sheet_too_large_are_refused() {
    let bench = Bench::new();
    let second = SPEC.replacen("name: sheet", "name: other", 1);
    let path = bench.path("other.yaml");
    std::fs::write(&path, second).expect("a spec");
    let output = bench.preview(&[path.to_str().expect("a path in ASCII")]);
    let (_, stderr) = texts(&output);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr.contains("`preview` draws one spec, found 2"),
        "{stderr}"
    );
    let output = bench.preview(&["--images=10000", "--draws=10000"]);
    let (_, stderr) = texts(&output);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr.contains("ask for fewer with `--images` or `--draws`"),
        "{stderr}"
    );
    assert!(!bench.path("results/preview").exists());
}

#[test]
fn data_that_is_not_there_exits_with_5_and_names_the_place() {
    let bench = Bench::new();
    let gone = bench.path("gone");
    let shapes = "{dataset: shapes, train_size: 120, test_size: 20}";
    let spec = SPEC.replacen(shapes, "{dataset: image_folder}", 1);
    std::fs::write(bench.path("sheet.yaml"), spec).expect("a spec");
    let output = bench.preview(&["--data", gone.to_str().expect("a path in ASCII")]);
    let (stdout, stderr) = texts(&output);
    assert_eq!(output.status.code(), Some(5), "{stderr}");
    assert_eq!(stdout, "");
    assert!(stderr.starts_with("error[DATA-PATH]: "), "{stderr}");
    assert!(
        stderr.contains("gone` (from `--data`) does not exist"),
        "{stderr}"
    );
}

#[test]
fn a_file_that_cannot_be_written_exits_with_7() {
    let bench = Bench::new();
    // The spec is a file, so nothing can lie below it.
    let out = bench.path("sheet.yaml/sheet.png");
    let output = bench.preview(&["--images=1", "--out", out.to_str().expect("ASCII")]);
    let (_, stderr) = texts(&output);
    assert_eq!(output.status.code(), Some(7), "{stderr}");
    assert!(stderr.starts_with("error: cannot write "), "{stderr}");
}
