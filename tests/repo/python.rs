//! Python programs of the project against each other: nobody runs the references' programs between two of their changes.

use super::tree::{File, files};

/// `from MODULE import A, B` as (module, names).
fn taken(line: &str) -> Option<(&str, Vec<&str>)> {
    let (module, names) = line.strip_prefix("from ")?.split_once(" import ")?;
    let names = names.split('#').next().unwrap_or_default();
    let named = names
        .split(',')
        .map(|name| name.split(" as ").next().unwrap_or_default().trim());
    Some((module, named.collect()))
}

/// Whether the top level of a program defines a name.
fn defines(program: &File, name: &str) -> bool {
    let starts = [format!("def {name}("), format!("class {name}(")];
    let mut top = program.text.lines().filter(|line| !line.starts_with(' '));
    top.any(|line| {
        let assigned = line.split(" = ").next().unwrap_or_default();
        let assigned = line.contains(" = ") && assigned.split(", ").any(|word| word == name);
        assigned || starts.iter().any(|start| line.starts_with(start))
    })
}

#[test]
fn programs_have_what_others_take_from_them() {
    let programs = files(&["benches", "tests"], &[".py"]);
    let (mut found, mut offenders) = (0, Vec::new());
    for program in &programs {
        for (module, names) in program.text.lines().filter_map(taken) {
            let file = format!("/{module}.py");
            let Some(other) = programs.iter().find(|other| other.path.ends_with(&file)) else {
                continue;
            };
            found += names.len();
            let missing = names.into_iter().filter(|name| !defines(other, name));
            offenders.extend(missing.map(|name| format!("{}: `{name}`", program.path)));
        }
    }
    assert!(found > 0, "no program takes anything from another");
    assert!(offenders.is_empty(), "{offenders:#?}");
}
