//! `supcon new`: writes an annotated spec to begin with, and says what to do next. Its text is `templates/new.yaml`; with
//! `--from`, what the template sets is left out of it.

use super::{Format, check::refuse, out};
use crate::diag::{Code, Problem, Problems, suggest};
use crate::spec::schema::{LABEL, MAX_NAME};
use crate::spec::templates;
use clap::Args;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const MORE: &str = "\
Examples:
  supcon new mine                             mine.yaml, to be changed
  supcon new mine --from cifar10-resnet50v2   on a template
  supcon new mine --dir experiments";

/// What an editor's line about the schema begins with.
const MODELINE: &str = "# yaml-language-server: $schema=";
/// Where a schema for editors is looked for, in the spec's folder and each one above.
const SCHEMAS: [&str; 2] = ["spec.schema.json", "templates/spec.schema.json"];
/// Words that some YAML readers take for something else than text.
const NOT_TEXT: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];

/// Arguments of `new`.
#[derive(Args)]
#[command(after_help = MORE)]
pub(super) struct NewArgs {
    /// Name of the experiment; the file is NAME.yaml.
    name: String,
    /// Extend this template (`supcon list templates`) instead of writing everything out.
    #[arg(long, value_name = "TEMPLATE")]
    from: Option<String>,
    /// Folder of the file; made if it is not there.
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
}

/// Writes the spec, never over another file.
pub(super) fn new(args: &NewArgs) -> ExitCode {
    match create(args) {
        Ok(made) => {
            out::print(&made.next_steps(args.from.is_none()));
            ExitCode::SUCCESS
        }
        Err(problems) => refuse(&problems, Format::Text),
    }
}

/// A spec that was written.
struct Made {
    path: PathBuf,
    /// Whether it names a schema for editors.
    schema: bool,
}

impl Made {
    fn next_steps(&self, quick: bool) -> String {
        let path = self.path.display();
        let run = if quick {
            "    # about a minute on `cpu` as it stands"
        } else {
            ""
        };
        let schema = if self.schema {
            ""
        } else {
            "  supcon schema > spec.schema.json    # then editors complete the specs that `supcon new` writes\n"
        };
        format!(
            "wrote {path}\n\nnext:\n  supcon check {path}\n  supcon run {path}{run}\n  supcon list    # what else it can name\n{schema}"
        )
    }
}

fn create(args: &NewArgs) -> Result<Made, Problems> {
    let from = args.from.as_deref();
    let problems: Vec<Problem> = bad_name(&args.name)
        .into_iter()
        .chain(from.and_then(|from| unknown_template(from, &args.name)))
        .collect();
    Problems::or(problems, ())?;
    let file = format!("{}.yaml", args.name);
    let path = if args.dir == Path::new(".") {
        PathBuf::from(file)
    } else {
        args.dir.join(file)
    };
    let failed = |error: std::io::Error| unwritable(&path, &error);
    fs::create_dir_all(&args.dir).map_err(|error| unwritable(&args.dir, &error))?;
    let schema = nearest_schema(&args.dir);
    let text = spec_text(&args.name, from, &path, schema.as_deref());
    // Fails if the file is there, whoever made it and when.
    let mut file = File::create_new(&path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => exists(&path),
        _ => failed(error),
    })?;
    file.write_all(text.as_bytes()).map_err(|error| {
        // Half a spec is worth nothing; the error to report is the first one.
        let _ = fs::remove_file(&path);
        failed(error)
    })?;
    Ok(Made {
        path,
        schema: schema.is_some(),
    })
}

fn exists(path: &Path) -> Problems {
    Problem::new(
        Code::Exists,
        format!("`{}` is already there", path.display()),
    )
    .help("choose another name, or another folder with `--dir DIR`")
    .into()
}

fn unwritable(path: &Path, error: &std::io::Error) -> Problems {
    let message = format!("cannot write `{}`: {error}", path.display());
    Problem::new(Code::Unwritable, message)
        .help("choose another folder with `--dir DIR`")
        .into()
}

fn bad_name(name: &str) -> Option<Problem> {
    let ending = name
        .strip_suffix(".yaml")
        .or_else(|| name.strip_suffix(".yml"));
    if ending.is_none() && LABEL.accepts(name) {
        return None;
    }
    let shown: String = name.chars().take(MAX_NAME + 8).collect();
    let problem = Problem::new(Code::BadName, format!("`{shown}` cannot be a name"))
        .note(format!("allowed: {}", LABEL.words));
    let (folder, last) = name.rsplit_once('/').unwrap_or(("", name));
    let stem = last
        .strip_suffix(".yaml")
        .or_else(|| last.strip_suffix(".yml"))
        .unwrap_or(last);
    let allowed = |c: char| LABEL.accepts(&format!("a{c}"));
    let fixed: String = stem
        .to_lowercase()
        .chars()
        .map(|c| if allowed(c) { c } else { '-' })
        .collect();
    let fixed = fixed.trim_matches(['-', '_', '.']);
    let place = if folder.is_empty() {
        String::new()
    } else {
        format!(" --dir {folder}")
    };
    Some(if LABEL.accepts(fixed) {
        problem.help(format!("write `supcon new {fixed}{place}`"))
    } else {
        problem.help("choose another, such as `my-experiment`")
    })
}

fn unknown_template(from: &str, name: &str) -> Option<Problem> {
    if templates::find(from).is_some() {
        return None;
    }
    let known: Vec<String> = templates::names().map(|name| format!("`{name}`")).collect();
    let problem = Problem::new(Code::UnknownName, format!("there is no template `{from}`"))
        .note(format!("templates: {}", known.join(", ")));
    let lower = from.to_lowercase();
    let help = if lower.ends_with(".yaml") || lower.ends_with(".yml") {
        format!("run `supcon new {name}` and add `extends: {from}` to the file, relative to it")
    } else if let Some(nearest) = suggest(from, templates::names()) {
        format!("did you mean `{nearest}`?")
    } else {
        "`supcon list templates` says what each sets".into()
    };
    Some(problem.help(help))
}

/// The nearest schema for editors in `dir` or above it, relative to `dir`.
fn nearest_schema(dir: &Path) -> Option<String> {
    let full = dir.canonicalize().ok()?;
    let mut up = String::new();
    for folder in full.ancestors() {
        if let Some(found) = SCHEMAS.iter().find(|name| folder.join(name).is_file()) {
            return Some(format!("{up}{found}"));
        }
        up.push_str("../");
    }
    None
}

/// The annotated spec under this name; with `from`, without what that template sets and without its figures.
fn spec_text(name: &str, from: Option<&str>, path: &Path, schema: Option<&str>) -> String {
    let mut blocks = templates::ANNOTATED.split("\n\n");
    let mut out = String::new();
    for line in blocks.next().unwrap_or("").lines() {
        let line = match (line.split_once(':').map_or("", |(head, _)| head), from) {
            ("# command", _) => format!("# command:  supcon run {}", plain(path)),
            ("# yaml-language-server", _) => match schema {
                Some(schema) => format!("{MODELINE}{schema}"),
                None => continue,
            },
            ("# claim", Some(_)) => {
                "# claim:    one sentence that the figures of these runs prove or disprove".into()
            }
            ("# source", Some(template)) => format!("# source:   our own, on template {template}"),
            ("# cost", Some(_)) => "# cost:     not measured yet".into(),
            ("# expected", Some(_)) => "# expected: not known yet".into(),
            _ => line.to_owned(),
        };
        out.push_str(&line);
        out.push('\n');
    }
    let mut set = from.map(templates::sections).unwrap_or_default();
    if let Some(template) = from {
        let sets = set.join("`, `");
        out.push_str(&format!(
            "\n# The template sets `{sets}`; write any of them here to change it, and `~` to delete a key of it.\nextends: {template}\n"
        ));
        set.push("expect".into());
    }
    for block in blocks {
        let key = block.lines().find(|line| !line.starts_with('#'));
        let key = key
            .and_then(|line| line.split_once(':'))
            .map_or("", |(key, _)| key);
        if set.iter().any(|section| section == key) {
            continue;
        }
        out.push('\n');
        for line in block.lines() {
            if line.starts_with("name:") {
                out.push_str(&format!("name: {}", quoted(name)));
            } else {
                out.push_str(line);
            }
            out.push('\n');
        }
    }
    out
}

/// A path in a comment, where nothing may end the line.
fn plain(path: &Path) -> String {
    path.display().to_string().replace(char::is_control, "?")
}

/// A name as YAML reads it as text.
fn quoted(name: &str) -> String {
    if name.starts_with(|c: char| c.is_ascii_digit()) || NOT_TEXT.contains(&name) {
        format!("\"{name}\"")
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::load_runs;
    use crate::spec::Overrides;

    fn args(dir: &Path, name: &str, from: Option<&str>) -> NewArgs {
        NewArgs {
            name: name.into(),
            from: from.map(str::to_owned),
            dir: dir.to_owned(),
        }
    }

    fn made(dir: &Path, name: &str, from: Option<&str>) -> Made {
        create(&args(dir, name, from)).unwrap_or_else(|problems| panic!("{problems}"))
    }

    fn refused(dir: &Path, name: &str, from: Option<&str>) -> String {
        match create(&args(dir, name, from)) {
            Ok(made) => panic!("{} was written", made.path.display()),
            Err(problems) => problems.to_string(),
        }
    }

    #[test]
    fn what_is_written_passes_the_check_from_every_template_and_under_every_name() {
        let folder = tempfile::tempdir().unwrap();
        let words = ["mine", "7", "1e5", "0x1f", "null", "no", "v1.2_a"];
        for (i, from) in [None]
            .into_iter()
            .chain(templates::names().map(Some))
            .enumerate()
        {
            let dir = folder.path().join(format!("{i}/deeper"));
            for name in words {
                let path = made(&dir, name, from).path;
                let runs = load_runs(std::slice::from_ref(&path), &Overrides::default())
                    .unwrap_or_else(|problems| panic!("{from:?} {name}\n{problems}"));
                assert_eq!((runs[0].name.as_str(), runs.len()), (name, 2));
                assert_eq!(runs[0].phases.len(), 2);
                let text = fs::read_to_string(&path).unwrap();
                assert_eq!(text.contains("extends: "), from.is_some());
                assert!(
                    text.lines()
                        .nth(4)
                        .unwrap()
                        .ends_with(&format!("{name}.yaml"))
                );
            }
        }
    }

    #[test]
    fn nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.yaml");
        fs::write(&path, "kept").unwrap();
        let text = refused(folder.path(), "mine", None);
        assert!(text.starts_with("error[exists]: `"), "{text}");
        assert!(text.contains("choose another name"), "{text}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "kept");
    }

    #[test]
    fn a_bad_name_is_refused_with_one_that_is_good() {
        let folder = tempfile::tempdir().unwrap();
        for (name, help) in [
            ("mine.yaml", "write `supcon new mine`"),
            ("My Run", "write `supcon new my-run`"),
            ("a/b.yml", "write `supcon new b --dir a`"),
            ("-x", "write `supcon new x`"),
            ("", "choose another"),
        ] {
            let text = refused(folder.path(), name, None);
            assert!(
                text.contains("error[bad-name]") && text.contains(help),
                "{text}"
            );
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn an_unknown_template_is_refused_with_the_nearest() {
        let folder = tempfile::tempdir().unwrap();
        let text = refused(folder.path(), "mine", Some("cifar10-resnet50v"));
        assert!(
            text.contains("did you mean `cifar10-resnet50v2`?"),
            "{text}"
        );
        let text = refused(folder.path(), "mine", Some("../base.yaml"));
        assert!(text.contains("add `extends: ../base.yaml`"), "{text}");
        // The annotated spec is what one begins with, not what one extends.
        assert!(refused(folder.path(), "mine", Some("new")).contains("there is no template `new`"));
    }

    #[test]
    fn the_schema_for_editors_is_named_where_there_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("a/b");
        fs::create_dir_all(folder.path().join("templates")).unwrap();
        fs::write(folder.path().join("templates/spec.schema.json"), "{}").unwrap();
        let far = made(&dir, "far", None);
        let line = |made: &Made| {
            let text = fs::read_to_string(&made.path).unwrap();
            text.lines().nth(5).unwrap_or("").to_owned()
        };
        assert!(far.schema);
        assert_eq!(
            line(&far),
            format!("{MODELINE}../../templates/spec.schema.json")
        );
        fs::write(dir.join("spec.schema.json"), "{}").unwrap();
        assert_eq!(
            line(&made(&dir, "near", None)),
            format!("{MODELINE}spec.schema.json")
        );
        let without = spec_text("mine", None, Path::new("mine.yaml"), None);
        assert!(!without.contains(MODELINE) && without.contains("\nname: mine\n"));
    }

    #[test]
    fn the_next_steps_name_the_file() {
        let made = Made {
            path: "x/mine.yaml".into(),
            schema: false,
        };
        let text = made.next_steps(true);
        for part in [
            "wrote x/mine.yaml\n",
            "supcon check x/mine.yaml\n",
            "about a minute",
            "supcon schema > ",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert!(!made.next_steps(false).contains("about a minute"));
    }
}
