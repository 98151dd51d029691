//! Which GPU a name means. One GPU has many: its index, its UUID or the beginning of that, and the same index another one in
//! a process with another `CUDA_VISIBLE_DEVICES`. Two batches must not meet on it by different names, so a lease is that of
//! the UUID, as far as the driver tells.

use std::path::Path;

/// What CUDA lets a process see: indices or names of GPUs, in the order in which the process then numbers them.
pub(super) const VISIBLE: &str = "CUDA_VISIBLE_DEVICES";
/// How CUDA numbers GPUs: the fastest first, unless this says otherwise.
pub(super) const ORDER: &str = "CUDA_DEVICE_ORDER";
/// The order of this program's workers, which is that of the driver: no index means another GPU on another day.
pub(super) const BY_BUS: &str = "PCI_BUS_ID";

/// Where the driver describes each GPU, in a folder with the name of its place on the bus.
const DRIVER: &str = "/proc/driver/nvidia/gpus";

/// A GPU as it is written to `CUDA_VISIBLE_DEVICES`, and as every process of this machine knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Gpu {
    pub(super) name: String,
    pub(super) key: String,
}

/// The `found` GPUs that this process sees.
pub(super) fn visible(found: usize) -> Vec<Gpu> {
    let list = std::env::var(VISIBLE).ok();
    let list = list.as_deref().filter(|list| !list.trim().is_empty());
    let order = std::env::var(ORDER).ok();
    let mut installed = installed(Path::new(DRIVER));
    let by_speed = order.is_some_and(|order| order != BY_BUS);
    if by_speed || list.is_none() && installed.len() != found {
        // Nobody here knows which of them an index means: names stay what they are.
        installed.clear();
    }
    let names = names(list, found).into_iter();
    let known = names.map(|name| Gpu {
        key: key(&name, &installed),
        name,
    });
    known.collect()
}

/// Names of the `found` GPUs that this process sees, given what `CUDA_VISIBLE_DEVICES` says.
fn names(list: Option<&str>, found: usize) -> Vec<String> {
    match list {
        Some(list) => {
            let names = list.split(',').map(|name| name.trim().to_owned());
            names.take(found).collect()
        }
        None => (0..found).map(|index| index.to_string()).collect(),
    }
}

/// The UUID of a GPU of this name, or the name itself if it has none that is known; a part of a GPU has a name of its own.
fn key(name: &str, installed: &[String]) -> String {
    let by_index = name
        .parse()
        .ok()
        .and_then(|index: usize| installed.get(index));
    let mut alike = installed.iter().filter(|uuid| {
        let begins = uuid.get(..name.len());
        begins.is_some_and(|begin| begin.eq_ignore_ascii_case(name))
    });
    let by_beginning = alike.next().filter(|_| alike.next().is_none());
    let uuid = by_index.or(by_beginning.filter(|_| !name.is_empty()));
    uuid.map_or_else(|| name.to_owned(), Clone::clone)
}

/// UUIDs of all GPUs of this machine in the order of the bus, none if the driver does not tell all of them.
fn installed(driver: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(driver).into_iter().flatten().flatten();
    let mut places: Vec<_> = entries.map(|entry| entry.path()).collect();
    places.sort_unstable();
    let uuid = |place: &std::path::PathBuf| {
        let text = std::fs::read_to_string(place.join("information")).ok()?;
        let mut lines = text.lines();
        let uuid = lines
            .find_map(|line| line.strip_prefix("GPU UUID:"))?
            .trim();
        uuid.starts_with("GPU-").then(|| uuid.to_owned())
    };
    places
        .iter()
        .map(uuid)
        .collect::<Option<_>>()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUIDS: [&str; 3] = ["GPU-8a00", "GPU-8b11", "GPU-91cc"];

    fn machine() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        // Written in another order than that of the bus.
        for (bus, uuid) in [
            ("0000:3b", UUIDS[1]),
            ("0000:af", UUIDS[2]),
            ("0000:18", UUIDS[0]),
        ] {
            let place = folder.path().join(format!("{bus}:00.0"));
            std::fs::create_dir(&place).unwrap();
            let text =
                format!("Model: \t\t NVIDIA H100\nIRQ: 7\nGPU UUID: \t {uuid}\nBus Type: PCIe\n");
            std::fs::write(place.join("information"), text).unwrap();
        }
        folder
    }

    #[test]
    fn every_name_of_a_gpu_is_the_same_gpu() {
        let machine = machine();
        let installed = installed(machine.path());
        assert_eq!(installed, UUIDS);
        for name in ["1", "GPU-8b11", "GPU-8b", "gpu-8B11"] {
            assert_eq!(key(name, &installed), "GPU-8b11", "{name}");
        }
        for unknown in ["GPU-8", "3", "MIG-8b11", "", "-1"] {
            assert_eq!(key(unknown, &installed), unknown);
        }
        assert_eq!(key("1", &[]), "1");
    }

    #[test]
    fn a_driver_that_does_not_tell_every_uuid_tells_none() {
        let machine = machine();
        std::fs::create_dir(machine.path().join("0000:00:00.0")).unwrap();
        assert_eq!(installed(machine.path()), Vec::<String>::new());
        assert_eq!(
            installed(&machine.path().join("absent")),
            Vec::<String>::new()
        );
    }

    #[test]
    fn indices_are_those_of_the_outer_list() {
        assert_eq!(names(Some("3, GPU-8a"), 2), ["3", "GPU-8a"]);
        assert_eq!(names(Some("3,2,1"), 2), ["3", "2"]);
        assert_eq!(names(None, 2), ["0", "1"]);
    }
}
