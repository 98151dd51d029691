//! Curves of other programs: the CSV files beside a spec, read into points. A file that is none shows nothing of what is
//! in it.

use super::{PhasePlan, ReferencePlan, ReferencePoint};
use crate::diag::{Code, Place, Problem};
use crate::spec::{Loaded, ReferenceSpec};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::{HashMap, HashSet};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The first line of every reference file.
const HEADER: &str = "run,phase,epoch,split,metric,value";
/// Most bytes in all reference files of a spec.
const MAX_BYTES: u64 = 4 << 20;
/// Wrong lines of one file that are reported; the others are counted.
const MAX_LINES: usize = 20;

/// The reference files of one spec, each read once for all points of its sweep.
#[derive(Default)]
pub(super) struct References {
    read: HashMap<PathBuf, Result<Points, Vec<Problem>>>,
    bytes: u64,
}

impl References {
    /// The curves that a point of a spec names; phases are those of the first point that names them.
    pub(super) fn read(
        &mut self,
        loaded: &Loaded,
        phases: &[PhasePlan],
        problems: &mut Vec<Problem>,
    ) -> Vec<ReferencePlan> {
        let mut plans = Vec::new();
        for (i, entry) in loaded.spec.reference.iter().enumerate() {
            let key = format!("reference.{i}.file");
            if loaded.is_sure(&key) && loaded.is_sure("phases") {
                plans.extend(self.entry(loaded, &key, entry, phases, problems));
            }
        }
        plans
    }

    fn entry(
        &mut self,
        loaded: &Loaded,
        key: &str,
        spec: &ReferenceSpec,
        phases: &[PhasePlan],
        problems: &mut Vec<Problem>,
    ) -> Option<ReferencePlan> {
        let place = loaded.place(key);
        let refuse = |message: String, help: &str| {
            Problem::new(Code::Reference, message)
                .at(place.clone())
                .help(help)
        };
        let Some(file) = loaded.leads(key, &spec.file) else {
            let help = "write `reference` in the spec itself";
            problems.push(refuse(
                "a template cannot name a reference file".into(),
                help,
            ));
            return None;
        };
        if !self.read.contains_key(&file) {
            let found = match text(&file, MAX_BYTES.saturating_sub(self.bytes)) {
                Ok(text) => {
                    self.bytes += text.len() as u64;
                    curves(&file, &text, phases, &refuse)
                }
                Err(why) => {
                    let message = format!("cannot read the reference `{}`: {why}", file.display());
                    let help = "correct the path: it starts at the file that names it, in `--set` at the current directory";
                    Err(vec![refuse(message, help)])
                }
            };
            self.read.insert(file.clone(), found);
        }
        match &self.read[&file] {
            Ok(points) => Some(ReferencePlan {
                label: spec.label.clone(),
                source: spec.source.clone(),
                points: points.clone(),
            }),
            Err(found) => {
                problems.extend(found.iter().cloned());
                None
            }
        }
    }
}

/// Points of a curve, which all plans of a call share.
#[derive(Clone, Debug, PartialEq)]
pub struct Points(Arc<[ReferencePoint]>);

impl From<Vec<ReferencePoint>> for Points {
    fn from(points: Vec<ReferencePoint>) -> Self {
        Self(points.into())
    }
}

impl Deref for Points {
    type Target = [ReferencePoint];

    fn deref(&self) -> &[ReferencePoint] {
        &self.0
    }
}

impl<'a> IntoIterator for &'a Points {
    type Item = &'a ReferencePoint;
    type IntoIter = std::slice::Iter<'a, ReferencePoint>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl Serialize for Points {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.as_ref().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Points {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::from)
    }
}

fn text(file: &Path, most: u64) -> Result<String, String> {
    let about = std::fs::metadata(file).map_err(|error| error.to_string())?;
    if !about.is_file() {
        return Err("not a regular file".into());
    }
    if about.len() > most {
        return Err(format!(
            "the reference files of a spec are {} MiB at most",
            MAX_BYTES >> 20
        ));
    }
    std::fs::read_to_string(file).map_err(|error| error.to_string())
}

/// Reads every line; each of the first that are wrong is one problem.
fn curves(
    file: &Path,
    text: &str,
    phases: &[PhasePlan],
    refuse: &dyn Fn(String, &str) -> Problem,
) -> Result<Points, Vec<Problem>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = (1..).zip(text.lines().map(str::trim_end));
    if lines.next().map_or("", |(_, line)| line) != HEADER {
        let message = format!(
            "`{}` does not begin with the names of the columns",
            file.display()
        );
        return Err(vec![refuse(
            message,
            &format!("make `{HEADER}` its first line"),
        )]);
    }
    let (mut points, mut problems, mut more) = (Vec::new(), Vec::new(), 0);
    let mut seen = HashSet::new();
    for (number, line) in lines.filter(|(_, line)| !line.is_empty()) {
        let read = point(line, phases).and_then(|point| {
            let key = |point: &ReferencePoint| {
                let ReferencePoint {
                    run,
                    phase,
                    epoch,
                    split,
                    metric,
                    ..
                } = point.clone();
                (run, phase, epoch, split, metric)
            };
            if seen.insert(key(&point)) {
                Ok(point)
            } else {
                Err((0, "this point stands in an earlier line".to_owned()))
            }
        });
        match read {
            Ok(point) => points.push(point),
            Err(_) if problems.len() == MAX_LINES => more += 1,
            Err((field, why)) => problems.push(wrong_line(file, number, line, field, why)),
        }
    }
    if more > 0 {
        let message = format!("{more} more lines of `{}` are no points", file.display());
        problems.push(refuse(message, "mend the lines above first"));
    }
    if problems.is_empty() {
        Ok(points.into())
    } else {
        Err(problems)
    }
}

/// A problem at a field of a line.
fn wrong_line(file: &Path, number: usize, line: &str, field: usize, why: String) -> Problem {
    let before: usize = line
        .split(',')
        .take(field)
        .map(|part| part.chars().count() + 1)
        .sum();
    let len = line
        .split(',')
        .nth(field)
        .map_or(1, |part| part.chars().count());
    // Nobody reads on behind this.
    let shown: String = line.chars().take(1000).collect();
    Problem::new(Code::Reference, "a line that is not a point of a curve")
        .at(Place {
            file: file.display().to_string(),
            line: number,
            column: before + 1,
            len: len.max(1),
            line_text: shown,
        })
        .label(why)
        .help("correct the field, or delete the line")
}

/// One line, or the number of the field that is wrong and why.
fn point(line: &str, phases: &[PhasePlan]) -> Result<ReferencePoint, (usize, String)> {
    let fields: Vec<&str> = line.split(',').map(str::trim).collect();
    let [run, phase, epoch, split, metric, value] = fields[..] else {
        return Err((0, format!("expected 6 fields, found {}", fields.len())));
    };
    if run.is_empty() {
        return Err((0, "expected the run's name".into()));
    }
    let Some(plan) = phases.iter().find(|known| known.name == phase) else {
        let names: Vec<&str> = phases.iter().map(|phase| phase.name.as_str()).collect();
        return Err((1, format!("no such phase; phases: {}", names.join(", "))));
    };
    let epoch = epoch
        .parse()
        .map_err(|_| (2, "expected an epoch, 0 for the finished phase".to_owned()))?;
    if !["train", "validation", "test"].contains(&split) {
        return Err((3, "expected `train`, `validation` or `test`".into()));
    }
    let classifies = plan.classifies();
    match metric {
        "loss" => {}
        "accuracy" if classifies => {}
        _ if classifies => return Err((4, "expected `loss` or `accuracy`".into())),
        _ => return Err((4, "expected `loss`, which this phase measures".into())),
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
    use crate::record::samples;

    fn found(text: &str) -> (usize, Vec<(usize, usize)>) {
        let mut phases = samples::plan("baseline", 0).phases;
        phases[0].name = "train".into();
        let refuse = |message: String, _: &str| Problem::new(Code::Reference, message);
        match curves(Path::new("f.csv"), text, &phases, &refuse) {
            Ok(points) => (points.len(), Vec::new()),
            Err(problems) => {
                let at = |p: &Problem| p.place.as_ref().map_or((0, 0), |p| (p.line, p.column));
                (0, problems.iter().map(at).collect())
            }
        }
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
            "{HEADER}\n0,pretrain,1,train,loss,1\n0,train,x,train,loss,1\n0,train,1,dev,loss,1\n0,train,1,train,loss,nan\n1,2\n0,train,1,train,lossy,1\n0,train,1,train,loss,1\n0,train,1,train,loss,2"
        );
        let at = vec![(2, 3), (3, 9), (4, 11), (5, 22), (6, 1), (7, 17), (9, 1)];
        assert_eq!(found(&text), (0, at));
    }

    #[test]
    fn a_file_that_is_no_reference_shows_nothing_of_itself() {
        assert_eq!(found("root:secret:1\n1,2"), (0, vec![(0, 0)]));
    }

    #[test]
    fn of_many_wrong_lines_the_first_are_shown() {
        let text = format!("{HEADER}\n{}", "x\n".repeat(100_000));
        assert_eq!(found(&text).1.len(), MAX_LINES + 1);
    }
}
