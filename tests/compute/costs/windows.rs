//! Windows and strides of the networks as they are built, against the layer tables.

use super::encoders;
use crate::compute::devices;
use std::collections::BTreeMap;
use supcon::model::{Encoder, Initializer};
use supcon::ops::Window;
use supcon::plan::{Layer, Operation};

/// A window as a module holds it, and the stride of the block around it, by path: what `Debug` shows of the network that
/// is trained.
#[derive(Debug, Default, PartialEq)]
struct Found {
    windows: BTreeMap<String, Window>,
    /// Strides that a block keeps for its shortcut.
    strides: BTreeMap<String, usize>,
}

/// Reads the indented `Debug` of a network: fields, items of lists, and numbers.
fn found(net: &Encoder) -> Found {
    let mut found = Found::default();
    // Indentation, name, and items so far of each open line.
    let mut open: Vec<(usize, String, usize)> = Vec::new();
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    for line in format!("{net:#?}").lines() {
        let text = line.trim_start();
        let indent = line.len() - text.len();
        open.retain(|(above, ..)| *above < indent);
        if text.starts_with(['}', ']', ')']) {
            continue;
        }
        let (name, value) = match text.split_once(": ") {
            Some((name, value)) => (name.to_owned(), value),
            None => match open.last_mut() {
                // An item of a list has the number of its place instead of a name.
                Some((_, list, count)) if list.ends_with('s') => {
                    *count += 1;
                    ((*count - 1).to_string(), text)
                }
                _ => (String::new(), text),
            },
        };
        let path = open
            .iter()
            .map(|(_, name, _)| name.as_str())
            .chain([name.as_str()]);
        let path: Vec<&str> = path.filter(|name| !name.is_empty()).collect();
        let path = path.join(".");
        if let Ok(number) = value.trim_end_matches(',').parse() {
            numbers.insert(path, number);
        } else {
            open.push((indent, name, 0));
        }
    }
    for (path, &number) in &numbers {
        let field = |name: &str| numbers[&path.replace("kernel", name)];
        if let Some(conv) = path.strip_suffix(".window.kernel") {
            let window = Window {
                kernel: number,
                stride: field("stride"),
                padding: field("padding"),
            };
            found.windows.insert(conv.to_owned(), window);
        } else if let Some(block) = path
            .strip_suffix(".stride")
            .filter(|p| !p.ends_with("window"))
        {
            found.strides.insert(block.to_owned(), number);
        }
    }
    found
}

/// The mean over all pixels hides the size of the maps, so the windows of the network are compared one by one.
#[test]
fn every_encoder_has_the_windows_and_so_the_shapes_of_its_table() {
    let (_, device) = devices().into_iter().next().expect("a device");
    for plan in encoders() {
        let net = Encoder::new(&mut Initializer::new(0, 0, &device), &plan);
        let Found { windows, strides } = found(&net);
        let mut planned = BTreeMap::new();
        for layer in plan.layers([32, 32]) {
            if let Operation::Conv { kernel, stride, .. } = layer.kind {
                planned.insert(layer.name.clone(), [kernel, stride]);
            }
        }
        let built = windows.iter();
        let built: BTreeMap<_, _> = built
            .map(|(name, window)| (name.clone(), [window.kernel, window.stride]))
            .collect();
        assert_eq!(planned, built, "{plan:?}");
        // With this padding a map of n pixels has n / stride of them, rounded up, as the table says.
        for (name, window) in &windows {
            for n in 1..70 {
                assert_eq!(
                    window.output(n),
                    n.div_ceil(window.stride),
                    "{plan:?} {name}"
                );
            }
        }
        // Where a block halves its map, its shortcut does, and the sum has that size.
        for size in [[32, 32], [25, 38], [64, 33]] {
            let layers = plan.layers(size);
            let output = |name: String| {
                let layer = layers.iter().find(|layer| layer.name == name);
                layer
                    .map(|layer| layer.output.clone())
                    .unwrap_or_else(|| panic!("{name}"))
            };
            let mut before = layers
                .iter()
                .find(|layer| layer.name.contains(".blocks.0."));
            let first = layers
                .iter()
                .position(|layer| layer.name.contains(".blocks.0."));
            before = first.and_then(|at| layers.get(at - 1)).or(before);
            let mut map = before.expect("a stem").output.clone();
            for (stage, block) in blocks(&strides, &layers) {
                let path = format!("stages.{stage}.blocks.{block}");
                let stride = strides.get(&path).copied().unwrap_or(1);
                let sum = output(format!("{path}.add"));
                let halved = [map[0].div_ceil(stride), map[1].div_ceil(stride)];
                assert_eq!(sum[..2], halved, "{plan:?} {path} at {size:?}");
                map = sum;
            }
        }
    }
}

/// Stage and number of every block in order; each has a stride.
fn blocks(strides: &BTreeMap<String, usize>, layers: &[Layer]) -> Vec<(usize, usize)> {
    let sums = layers.iter().filter(|layer| layer.name.ends_with(".add"));
    let numbers = sums.map(|layer| {
        let parts: Vec<&str> = layer.name.split('.').collect();
        (
            parts[1].parse().expect("a stage"),
            parts[3].parse().expect("a block"),
        )
    });
    let numbers: Vec<(usize, usize)> = numbers.collect();
    assert_eq!(numbers.len(), strides.len(), "{strides:?}");
    numbers
}
