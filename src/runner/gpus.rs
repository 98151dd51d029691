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
/// Where the GPUs are files, which a cluster lets a job open or not.
const DEVICES: &str = "/dev";

/// A GPU as it is written to `CUDA_VISIBLE_DEVICES`, and as every process of this machine knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Gpu {
    pub(super) name: String,
    pub(super) key: String,
}

/// What the environment says of GPUs.
#[derive(Clone, Debug, Default)]
struct Wishes {
    /// `CUDA_VISIBLE_DEVICES`, unless it is empty.
    list: Option<String>,
    /// `CUDA_DEVICE_ORDER`.
    order: Option<String>,
}

/// An index of which nobody here knows what GPU it means, so that two batches might meet on it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "with `CUDA_DEVICE_ORDER={order}` nobody can tell which GPU `{name}` is, and another batch may be on it: leave that \
     variable out, or name GPUs by their UUID (`nvidia-smi -L`) in `CUDA_VISIBLE_DEVICES`"
)]
pub struct UnknownOrder {
    order: String,
    name: String,
}

/// The `found` GPUs that this process sees.
pub(super) fn visible(found: usize) -> Result<Vec<Gpu>, UnknownOrder> {
    let list = std::env::var(VISIBLE).ok();
    let wishes = Wishes {
        list: list.filter(|list| !list.trim().is_empty()),
        order: std::env::var(ORDER).ok(),
    };
    known(
        &wishes,
        found,
        installed(Path::new(DRIVER), Path::new(DEVICES)),
    )
}

/// The GPUs of these wishes among those that are installed.
fn known(
    wishes: &Wishes,
    found: usize,
    mut installed: Vec<String>,
) -> Result<Vec<Gpu>, UnknownOrder> {
    let names = names(wishes.list.as_deref(), found);
    let order = wishes.order.as_deref().filter(|order| *order != BY_BUS);
    let index = names.iter().find(|name| name.parse::<usize>().is_ok());
    if let (Some(order), Some(name)) = (order, index)
        && installed.len() != 1
    {
        let (order, name) = (order.to_owned(), name.clone());
        return Err(UnknownOrder { order, name });
    }
    if wishes.list.is_none() && installed.len() != found {
        // Nobody here knows which of them an index means: names stay what they are.
        installed.clear();
    }
    let known = names.into_iter().map(|name| Gpu {
        key: key(&name, &installed),
        name,
    });
    Ok(known.collect())
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

/// UUIDs of the GPUs of this machine that this process may open, in the order of the bus, which is that of their indices
/// here; none if the driver does not tell all of them.
fn installed(driver: &Path, devices: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(driver).into_iter().flatten().flatten();
    let mut places: Vec<_> = entries.map(|entry| entry.path()).collect();
    places.sort_unstable();
    let mut uuids = Vec::new();
    for place in places {
        let text = std::fs::read_to_string(place.join("information")).unwrap_or_default();
        match field(&text, "GPU UUID:").filter(|uuid| uuid.starts_with("GPU-")) {
            Some(uuid) if is_open(&text, devices) => uuids.push(uuid.to_owned()),
            Some(_) => {}
            None => return Vec::new(),
        }
    }
    uuids
}

/// Whether a GPU is one of this process: in a job of a cluster the driver tells of all, and indices count the job's own.
fn is_open(information: &str, devices: &Path) -> bool {
    let Some(minor) = field(information, "Device Minor:") else {
        return true;
    };
    let wanted = rustix::fs::Access::READ_OK | rustix::fs::Access::WRITE_OK;
    rustix::fs::access(devices.join(format!("nvidia{minor}")), wanted).is_ok()
}

/// What stands behind a word at the beginning of a line.
fn field<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let mut lines = text.lines();
    lines
        .find_map(|line| line.strip_prefix(word))
        .map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUIDS: [&str; 3] = ["GPU-8a00", "GPU-8b11", "GPU-91cc"];

    /// A machine with three GPUs: `gpus` tells of all, in `dev` are those that may be opened.
    fn machine(open: &[usize]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let [gpus, dev] = ["gpus", "dev"].map(|name| folder.path().join(name));
        std::fs::create_dir(&dev).unwrap();
        // Written in another order than that of the bus.
        for (bus, number) in [("0000:3b", 1), ("0000:af", 2), ("0000:18", 0)] {
            let place = gpus.join(format!("{bus}:00.0"));
            std::fs::create_dir_all(&place).unwrap();
            let uuid = UUIDS[number];
            let text = format!(
                "Model: \t\t NVIDIA H100\nIRQ: 7\nGPU UUID: \t {uuid}\nBus Type: PCIe\nDevice Minor: \t {number}\n"
            );
            std::fs::write(place.join("information"), text).unwrap();
            if open.contains(&number) {
                std::fs::write(dev.join(format!("nvidia{number}")), "").unwrap();
            }
        }
        folder
    }

    fn installed_in(machine: &tempfile::TempDir) -> Vec<String> {
        let folder = machine.path();
        installed(&folder.join("gpus"), &folder.join("dev"))
    }

    fn wishes(list: Option<&str>, order: Option<&str>) -> Wishes {
        let [list, order] = [list, order].map(|text| text.map(str::to_owned));
        Wishes { list, order }
    }

    #[test]
    fn every_name_of_a_gpu_is_the_same_gpu() {
        let installed = installed_in(&machine(&[0, 1, 2]));
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
        let machine = machine(&[0, 1, 2]);
        std::fs::create_dir(machine.path().join("gpus/0000:00:00.0")).unwrap();
        assert_eq!(installed_in(&machine), Vec::<String>::new());
        let absent = machine.path().join("absent");
        assert_eq!(installed(&absent, machine.path()), Vec::<String>::new());
    }

    #[test]
    fn two_jobs_of_a_cluster_that_both_call_their_gpu_0_have_two() {
        let first = wishes(Some("0"), None);
        let keys = [0, 2].map(|number| {
            let installed = installed_in(&machine(&[number]));
            known(&first, 1, installed).unwrap()[0].key.clone()
        });
        assert_eq!(keys, [UUIDS[0], UUIDS[2]]);
    }

    #[test]
    fn an_index_that_may_mean_any_gpu_is_refused_and_a_uuid_is_not() {
        let installed = || UUIDS.map(str::to_owned).to_vec();
        let fastest = Some("FASTEST_FIRST");
        for list in [None, Some("GPU-91cc,0")] {
            let error = known(&wishes(list, fastest), 3, installed()).unwrap_err();
            let text = error.to_string();
            assert!(text.contains("which GPU `0` is"), "{text}");
            assert!(text.contains("CUDA_DEVICE_ORDER=FASTEST_FIRST"), "{text}");
        }
        let keys = |wishes: &Wishes, installed| {
            let known = known(wishes, 1, installed).unwrap();
            known[0].key.clone()
        };
        let by_uuid = wishes(Some("GPU-91"), fastest);
        assert_eq!(keys(&by_uuid, installed()), "GPU-91cc");
        let by_bus = wishes(Some("1"), Some(BY_BUS));
        assert_eq!(keys(&by_bus, installed()), "GPU-8b11");
        // Of one there is no order.
        let only = vec!["GPU-8a00".to_owned()];
        assert_eq!(keys(&wishes(None, fastest), only), "GPU-8a00");
    }

    #[test]
    fn indices_are_those_of_the_outer_list() {
        assert_eq!(names(Some("3, GPU-8a"), 2), ["3", "GPU-8a"]);
        assert_eq!(names(Some("3,2,1"), 2), ["3", "2"]);
        assert_eq!(names(None, 2), ["0", "1"]);
    }
}
