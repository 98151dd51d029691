//! Curves of other programs: the CSV files beside a spec, read into points.

use super::{ReferencePlan, ReferencePoint};
use crate::diag::{Code, Place, Problem};
use crate::spec::{Loaded, ReferenceSpec};
use std::path::Path;

/// The first line of every reference file.
const HEADER: &str = "run,phase,epoch,split,metric,value";
/// Largest file in bytes.
const MAX_BYTES: u64 = 4 << 20;

/// Reads the file of one entry; `path` is the entry's key path.
pub(crate) fn read(
    loaded: &Loaded,
    path: &str,
    spec: &ReferenceSpec,
    problems: &mut Vec<Problem>,
) -> Option<ReferencePlan> {
    let key = format!("{path}.file");
    let place = loaded.place(&key);
    let Some(folder) = loaded.folder(&key) else {
        problems.push(
            Problem::new(Code::Reference, "a template cannot name a reference file").at(place),
        );
        return None;
    };
    let file = folder.join(&spec.file);
    match text(&file) {
        Ok(text) => {
            let found = problems.len();
            let points = points(&file, &text, &loaded.phase_order, problems);
            let (label, source) = (spec.label.clone(), spec.source.clone());
            (problems.len() == found).then_some(ReferencePlan {
                label,
                source,
                points,
            })
        }
        Err(why) => {
            let message = format!("cannot read the reference `{}`: {why}", file.display());
            problems.push(
                Problem::new(Code::Reference, message)
                    .at(place)
                    .label("relative to this file"),
            );
            None
        }
    }
}

fn text(file: &Path) -> Result<String, String> {
    let about = std::fs::metadata(file).map_err(|error| error.to_string())?;
    if !about.is_file() || about.len() > MAX_BYTES {
        return Err("not a regular file of at most 4 MiB".into());
    }
    std::fs::read_to_string(file).map_err(|error| error.to_string())
}

/// Reads every line; each that is wrong is one problem.
fn points(
    file: &Path,
    text: &str,
    phases: &[String],
    problems: &mut Vec<Problem>,
) -> Vec<ReferencePoint> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = text
        .lines()
        .enumerate()
        .map(|(i, line)| (i + 1, line.trim_end()));
    let at = |line: usize, column: usize, len: usize, text: &str| Place {
        file: file.display().to_string(),
        line,
        column: column + 1,
        len: len.max(1),
        line_text: text.to_owned(),
    };
    let header = lines.next().map_or("", |(_, line)| line);
    if header != HEADER {
        let problem = Problem::new(Code::Reference, "the first line does not name the columns");
        problems.push(
            problem
                .at(at(1, 0, header.chars().count(), header))
                .label(format!("expected `{HEADER}`")),
        );
        return Vec::new();
    }
    let mut points = Vec::new();
    for (number, line) in lines.filter(|(_, line)| !line.is_empty()) {
        match point(line, phases) {
            Ok(point) => points.push(point),
            Err((field, why)) => {
                let before: usize = line
                    .split(',')
                    .take(field)
                    .map(|part| part.chars().count() + 1)
                    .sum();
                let len = line
                    .split(',')
                    .nth(field)
                    .map_or(1, |part| part.chars().count());
                let problem =
                    Problem::new(Code::Reference, "a line that is not a point of a curve");
                problems.push(problem.at(at(number, before, len, line)).label(why));
            }
        }
    }
    points
}

/// One line, or the number of the field that is wrong and why.
fn point(line: &str, phases: &[String]) -> Result<ReferencePoint, (usize, String)> {
    let fields: Vec<&str> = line.split(',').map(str::trim).collect();
    let [run, phase, epoch, split, metric, value] = fields[..] else {
        return Err((0, format!("expected 6 fields, found {}", fields.len())));
    };
    if run.is_empty() {
        return Err((0, "expected the run's name".into()));
    }
    if !phases.iter().any(|known| known == phase) {
        return Err((1, format!("no such phase; phases: {}", phases.join(", "))));
    }
    let epoch = epoch
        .parse()
        .map_err(|_| (2, "expected an epoch, 0 for the finished phase".to_owned()))?;
    if !["train", "validation", "test"].contains(&split) {
        return Err((3, "expected `train`, `validation` or `test`".into()));
    }
    if metric.is_empty() {
        return Err((4, "expected a metric".into()));
    }
    let number = value.parse().ok().filter(|x: &f64| x.is_finite());
    let value = number.ok_or_else(|| (5, "expected a finite number".to_owned()))?;
    let [run, phase, split, metric] = [run, phase, split, metric].map(str::to_owned);
    Ok(ReferencePoint {
        run,
        phase,
        epoch,
        split,
        metric,
        value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> (usize, Vec<(usize, usize)>) {
        let mut problems = Vec::new();
        let points = points(
            Path::new("f.csv"),
            text,
            &["train".to_owned()],
            &mut problems,
        );
        let at = problems
            .iter()
            .filter_map(|p| p.place.as_ref())
            .map(|p| (p.line, p.column))
            .collect();
        (points.len(), at)
    }

    #[test]
    fn good_lines_are_points() {
        assert_eq!(
            found(&format!(
                "{HEADER}\r\n0,train,1,train,loss,2.5\r\n\r\n0,train,0,test,accuracy,5e-1\r\n"
            )),
            (2, vec![])
        );
    }

    #[test]
    fn each_bad_line_is_one_problem_at_its_field() {
        let text = format!(
            "{HEADER}\n0,pretrain,1,train,loss,1\n0,train,x,train,loss,1\n0,train,1,dev,loss,1\n0,train,1,train,loss,nan\n1,2\n0,train,1,train,loss,1"
        );
        assert_eq!(
            found(&text),
            (1, vec![(2, 3), (3, 9), (4, 11), (5, 22), (6, 1)])
        );
        assert_eq!(found("a,b\n1,2"), (0, vec![(1, 1)]));
    }
}
