//! From a path to a checked, typed spec, or to several: one for each point of its sweep.

use super::check::{check, check_sweep, check_swept_values};
use super::layers::{self, ENV_INTENT, Layers, Merged};
use super::limits::{MENDED_POINTS, PROFILE_POINTS};
use super::mend::mended;
use super::origins;
use super::profile;
use super::source::LayerKind;
use super::sweep::{self, Axes, Point};
use super::{Loaded, Overrides, Spec};
use crate::diag::{Code, Found, Place, Problem, Problems};
use figment::value::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What was read of a spec, right or wrong.
#[derive(Debug)]
pub struct Reading {
    /// The points of its sweep, one without a sweep. If there are problems, only some of them, each with something valid
    /// in place of what is wrong (`Loaded::is_sure`).
    pub points: Vec<Loaded>,
    /// Everything that is wrong with single keys and values.
    pub problems: Vec<Problem>,
    /// The files that it extends, canonical.
    pub bases: Vec<PathBuf>,
    /// What places call the file itself.
    pub label: String,
    /// What places call the files and templates that it extends.
    pub extended: Vec<String>,
    /// Whether it has a name, which an experiment needs and a base does not.
    pub named: bool,
}

/// Reads, merges and checks the spec at `path`; `SUPCON_SET__` variables of the process count.
#[must_use]
pub fn read(path: &Path, overrides: &Overrides) -> Reading {
    let text = |name: std::ffi::OsString| name.to_string_lossy().into_owned();
    let mut env: Vec<(String, String)> = std::env::vars_os()
        .map(|(key, value)| (text(key), text(value)))
        .filter(|(key, _)| key.starts_with(ENV_INTENT))
        .collect();
    env.sort();
    read_with(path, overrides, &env)
}

/// As `read`, with the variables given.
#[must_use]
pub fn read_with(path: &Path, overrides: &Overrides, env: &[(String, String)]) -> Reading {
    let (mut early, mut found) = (Vec::new(), Found::default());
    let layers = layers::read(path, overrides, env, &mut early);
    found.extend(early);
    let label = path.display().to_string();
    let Some(layers) = layers else {
        return Reading {
            points: Vec::new(),
            problems: found.finish(),
            bases: Vec::new(),
            label,
            extended: Vec::new(),
            named: false,
        };
    };
    let points = checked(&layers, overrides, &mut found);
    let first = points
        .first()
        .and_then(|point| point.merged.root.get("name"));
    let name = first.and_then(Value::as_str).map(str::to_owned);
    let named = name.is_some();
    let names = {
        let points: Vec<&Point> = points.iter().map(|checked| &checked.point).collect();
        sweep::names(name.as_deref().unwrap_or_default(), &points)
    };
    let right = found.is_empty();
    // Without a base, nobody knows what there is.
    let known = if right {
        points.len()
    } else if layers.base_lost {
        0
    } else {
        MENDED_POINTS
    };
    let mut typed = Vec::new();
    for (point, name) in points.into_iter().zip(names).take(known) {
        match self::typed(path, point, name) {
            Ok(loaded) => typed.push(Loaded {
                profile: overrides.profile.clone(),
                ..loaded
            }),
            // What cannot be mended only hides conflicts.
            Err(problem) if right => found.push(*problem),
            Err(_) => {}
        }
    }
    Reading {
        points: typed,
        problems: found.finish(),
        bases: layers.bases,
        label,
        extended: layers.extended,
        named,
    }
}

/// As `read_with`, for what has no problem with single keys and values.
///
/// # Errors
/// Every such problem.
pub fn load_with(
    path: &Path,
    overrides: &Overrides,
    env: &[(String, String)],
) -> Result<Vec<Loaded>, Problems> {
    let reading = read_with(path, overrides, env);
    Problems::or(reading.problems, reading.points)
}

/// A point with its merged values, and the paths of those that are wrong.
struct Checked {
    point: Point,
    merged: Merged,
    wrong: Vec<String>,
}

/// The points of a spec with the chosen profile, and the problems of all of them and of the other profiles.
fn checked(layers: &Layers, overrides: &Overrides, found: &mut Found) -> Vec<Checked> {
    profile::check(layers, found);
    let names = profile::names(layers);
    let chosen = overrides.profile.as_ref();
    if let Some(name) = chosen.filter(|name| !names.contains(name)) {
        found.push(profile::unknown(layers, name));
    }
    let points = match chosen.filter(|name| names.contains(name)) {
        Some(name) => expand(&profile::select(layers, name), overrides.max_runs, found),
        None => expand(layers, overrides.max_runs, found),
    };
    // A profile that is not asked for now is a part of the spec all the same.
    for name in names.iter().filter(|name| chosen != Some(name)) {
        if found.is_enough() {
            break;
        }
        glance(&profile::select(layers, name), overrides.max_runs, found);
    }
    points
}

/// The points of the layers' sweep, each merged and checked; the spec without its sweep where that is wrong.
fn expand(layers: &Layers, max_runs: usize, found: &mut Found) -> Vec<Checked> {
    let base = layers.merge();
    let Some(axes) = axes(&base, max_runs, found) else {
        return vec![bare(layers, &base, found)];
    };
    let known = known(layers, &base, &axes);
    let mut points = Vec::new();
    for number in 0..axes.points {
        points.push(look(layers, &base, axes.point(number), &known, found));
        if found.is_enough() {
            break;
        }
    }
    points
}

/// Finds the problems of a profile that is not asked for: those of one point, and of the values of its own sweep.
fn glance(layers: &Layers, max_runs: usize, found: &mut Found) {
    let base = layers.merge();
    let Some(axes) = axes(&base, max_runs, found) else {
        bare(layers, &base, found);
        return;
    };
    let own = layers
        .sources
        .iter()
        .filter(|s| s.kind == LayerKind::Profile);
    let sweeps = own
        .flat_map(|source| source.tree.iter())
        .any(|(key, _)| key == "sweep");
    let most = if sweeps { PROFILE_POINTS } else { 1 };
    let known = known(layers, &base, &axes);
    for point in axes.star(most) {
        look(layers, &base, point, &known, found);
    }
}

fn axes(base: &Merged, max_runs: usize, found: &mut Found) -> Option<Axes> {
    let axes = check_sweep(base, found)
        .then(|| Axes::of(base, max_runs, found))
        .flatten();
    if axes.is_none() {
        check_swept_values(base, found);
    }
    axes
}

/// Paths that may be set by what was not merged.
fn elsewhere(layers: &Layers, base: &Merged) -> Vec<String> {
    if layers.base_lost {
        vec![String::new()]
    } else {
        sweep::keys(base)
    }
}

/// The spec without a sweep that is wrong. What the sweep sets is then not known.
fn bare(layers: &Layers, base: &Merged, found: &mut Found) -> Checked {
    let mut merged = base.clone();
    merged.root.remove("sweep");
    let swept = elsewhere(layers, base);
    let mut wrong = check(&merged, &swept, found);
    wrong.extend(swept);
    Checked {
        point: Point::default(),
        merged,
        wrong,
    }
}

/// The problems that have nothing to do with the values of the sweep, if there is one.
fn known(layers: &Layers, base: &Merged, axes: &Axes) -> Vec<Problem> {
    if axes.is_empty() {
        return Vec::new();
    }
    let mut found = Found::default();
    bare(layers, base, &mut found);
    found.finish()
}

/// Merges and checks one point; what is wrong because of its values says so.
fn look(
    layers: &Layers,
    base: &Merged,
    point: Point,
    known: &[Problem],
    found: &mut Found,
) -> Checked {
    let mut merged = base.with(&point.layers);
    merged.root.remove("sweep");
    let lost = if layers.base_lost {
        vec![String::new()]
    } else {
        Vec::new()
    };
    let before = found.len();
    let wrong = check(&merged, &lost, found);
    if !point.values.is_empty() {
        let inside = |place: &Place| point.layers.iter().any(|layer| layer.wrote(place));
        for problem in found.since(before) {
            if !known.contains(problem) && !problem.place.as_ref().is_some_and(inside) {
                problem.add_note(&format!("at the point {}", point.words()));
            }
        }
    }
    Checked {
        point,
        merged,
        wrong,
    }
}

/// A checked point as a typed spec, mended where it is wrong.
fn typed(path: &Path, checked: Checked, name: String) -> Result<Loaded, Box<Problem>> {
    let Checked {
        point,
        merged,
        wrong,
    } = checked;
    let mut unsure: BTreeSet<String> = wrong.into_iter().collect();
    let values = mended(&merged.root, &mut unsure);
    let mut spec: Spec = serde_json::from_value(values).map_err(|error| {
        let message = format!("the check let through what serde refuses: {error}");
        let problem = Problem::new(Code::Internal, message)
            .at(merged.sources[merged.own].value_place(""))
            .help("this is a mistake in supcon, please report it with the spec");
        Box::new(problem)
    })?;
    spec.name = name;
    let (layers, origins) = origins::of(&merged);
    let phase_order = merged.phase_order();
    let Merged { sources, own, .. } = merged;
    Ok(Loaded {
        spec,
        path: path.to_path_buf(),
        profile: None,
        point: point.values,
        phase_order,
        origins,
        sources,
        own,
        layers,
        unsure,
    })
}
