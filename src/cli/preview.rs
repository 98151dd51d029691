//! `supcon preview`: a contact sheet, as PNG, of what a phase's augmentation makes of some training images.

use super::{FolderArgs, Format, SpecArgs, check, out};
use crate::data::{self, DataError, Dataset, LoadOptions};
use crate::diag::{Code, Place, Problem, Problems};
use crate::disk::Disk;
use crate::plan::{RunPlan, load_runs, spec_files};
use crate::preview::{PreviewOptions, Sheet};
use crate::record::RecordError;
use crate::runner::exit;
use clap::{Args, value_parser};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;

const MORE: &str = "\
A row for each image: the original, then what each step makes of it, then complete draws.

Examples:
  supcon preview exp.yaml
  supcon preview exp.yaml --phase pretrain --images 20 --draws 8 --out sheet.png
  supcon preview exp.yaml --data ~/cifar-10-batches-bin";

/// Arguments of `preview`.
#[derive(Args)]
#[command(after_help = MORE)]
pub(super) struct PreviewArgs {
    #[command(flatten)]
    specs: SpecArgs,
    /// PNG file [default: preview/NAME-PHASE.png below the results].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Training images: the first of each class, then the second of each, and so on.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = value_parser!(u32).range(1..=10_000))]
    images: u32,
    /// Complete draws of each image: what training sees in so many epochs.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = value_parser!(u32).range(0..=10_000))]
    draws: u32,
    /// Phase whose augmentation is drawn [default: the first].
    #[arg(long, value_name = "NAME")]
    phase: Option<String>,
    /// Seed of the draws [default: the first of the spec].
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    #[command(flatten)]
    folders: FolderArgs,
}

/// Draws the sheet and says where it lies.
pub(super) fn preview(args: &PreviewArgs) -> ExitCode {
    let (plan, phase) = match chosen(args) {
        Ok(chosen) => chosen,
        Err(problems) => return check::refuse(&problems, args.specs.format),
    };
    let data = match load(&plan, &args.folders) {
        Ok(data) => data,
        Err(error) if args.specs.format == Format::Json => {
            let problem = Problem::new(error.code(), error.to_string());
            check::show(&problem.into(), Format::Json);
            return ExitCode::from(error.exit_code(exit::REFUSED));
        }
        Err(error) => {
            let text = format!("error[{}]: {error}", error.code());
            return refuse(&text, error.exit_code(exit::REFUSED));
        }
    };
    for note in &data.notes {
        out::warn(&format!("note: {note}\n"));
    }
    let options = PreviewOptions {
        images: args.images as usize,
        draws: args.draws as usize,
    };
    let png = match Sheet::new(&plan, phase, &data, options).and_then(|sheet| sheet.png()) {
        Ok(png) => png,
        Err(error) => return refuse(&format!("error: {error}"), check::REFUSED),
    };
    let path = args.out.clone().unwrap_or_else(|| {
        let file = format!("{}-{}.png", plan.name, plan.phases[phase].name);
        args.folders.results.join("preview").join(file)
    });
    match write(&path, &png) {
        Ok(()) => {
            out::line(&format!("preview: {}", path.display()));
            ExitCode::SUCCESS
        }
        Err(error) => refuse(&format!("error: {error}"), error.exit_code()),
    }
}

fn refuse(message: &str, code: u8) -> ExitCode {
    out::warn(&format!("{message}\n"));
    ExitCode::from(code)
}

/// The first run of the one spec, with the seed of the command line, and the position of the phase.
fn chosen(args: &PreviewArgs) -> Result<(RunPlan, usize), Problems> {
    let mut problems = Vec::new();
    let files = spec_files(&args.specs.paths, &mut problems);
    if files.len() > 1 {
        let message = format!("`preview` draws one spec, found {}", files.len());
        problems.push(Problem::new(Code::NotAFile, message).help("name one of the files"));
    }
    let files = Problems::or(problems, files)?;
    let runs = load_runs(&files, &args.specs.overrides())?;
    let mut plan = runs.into_iter().next().expect("a spec has at least a seed");
    let phase = match &args.phase {
        None => 0,
        Some(name) => {
            let position = plan.phases.iter().position(|phase| phase.name == *name);
            position.ok_or_else(|| unknown_phase(name, &plan))?
        }
    };
    if let Some(seed) = args.seed {
        plan.seed = seed;
    }
    Ok((plan, phase))
}

fn unknown_phase(name: &str, plan: &RunPlan) -> Problem {
    let names: Vec<&str> = plan
        .phases
        .iter()
        .map(|phase| phase.name.as_str())
        .collect();
    let place = Place {
        file: "--phase".to_owned(),
        line: 1,
        column: 1,
        len: name.chars().count().max(1),
        line_text: name.to_owned(),
    };
    Problem::new(
        Code::UnknownName,
        format!("`{}` has no phase `{name}`", plan.name),
    )
    .at(place)
    .did_you_mean(name, names.iter().copied())
    .note(format!("its phases: `{}`", names.join("`, `")))
}

/// Loads the data set as a run would; says once what takes its time.
fn load(plan: &RunPlan, folders: &FolderArgs) -> Result<Dataset, DataError> {
    let told = Mutex::new("");
    let progress = |progress: data::Progress| {
        if let Ok(mut told) = told.lock()
            && *told != progress.what
        {
            *told = progress.what;
            out::warn(&format!("{} ...\n", progress.what));
        }
    };
    let options = LoadOptions {
        data_dir: folders.data.clone(),
        cache_dir: folders.cache(),
        disk: Disk::real(),
        progress: &progress,
    };
    data::load(&plan.data, &options)
}

/// Writes the file, with the folder around it where there is none.
fn write(path: &Path, bytes: &[u8]) -> Result<(), RecordError> {
    let folder = path.parent().unwrap_or(Path::new(""));
    if !folder.as_os_str().is_empty() && !folder.is_dir() {
        Disk::real()
            .create_folders(folder)
            .map_err(RecordError::write(folder))?;
    }
    Disk::real()
        .replace(path, bytes)
        .map_err(RecordError::write(path))
}
