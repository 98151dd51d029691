//! Where the runs of a batch train at the same time: each slot has a device and its share of the threads, and a slot on a
//! GPU a lease, so that no two batches of a user share a GPU by accident. The CPU can be shared and has no lease.

use crate::device::{self, DeviceError, DeviceName};
use crate::record::lease::{Holder, Lease, LeaseError};
use std::path::{Path, PathBuf};

/// What CUDA lets a process see: indices or names of GPUs, in the order in which the process then numbers them.
pub(super) const VISIBLE: &str = "CUDA_VISIBLE_DEVICES";

/// The slots that were asked for, checked against what is there.
#[derive(Clone, Debug)]
pub struct Layout {
    device: DeviceName,
    jobs: usize,
    threads: usize,
    gpus: Gpus,
}

/// GPUs by the names under which every process of this machine knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Gpus {
    /// The device is no GPU.
    None,
    /// The one that was named with its number.
    Named(String),
    /// No number was named: one of these for each slot.
    Any(Vec<String>),
}

/// Why there are no such slots.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// The device cannot be used.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// Several runs on one GPU.
    #[error(
        "`--jobs {jobs}` needs {jobs} GPUs, and `--device {device}` names one; `--device libtorch:cuda` takes \
         {jobs} of those that are there"
    )]
    OneGpu {
        /// As asked for.
        device: DeviceName,
        /// Slots.
        jobs: usize,
    },
    /// More slots than GPUs.
    #[error("`--jobs {jobs}` needs {jobs} GPUs, a GPU for each run, and libtorch sees {found}")]
    TooFew {
        /// Slots.
        jobs: usize,
        /// GPUs.
        found: usize,
    },
}

/// Why the slots could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum SlotError {
    /// Other batches use the GPUs.
    #[error("{needed} GPU(s) needed, {free} free; GPU {gpu} is held by {holder}")]
    Taken {
        /// Slots.
        needed: usize,
        /// GPUs without a holder.
        free: usize,
        /// The first one that is held.
        gpu: String,
        /// By whom.
        holder: Holder,
    },
    /// The system refused.
    #[error(transparent)]
    Lease(LeaseError),
}

/// A place for one run at a time.
#[derive(Debug)]
pub(super) struct Slot {
    /// Name of the device as its runs see it.
    pub(super) device: String,
    /// Threads of its runs.
    pub(super) threads: usize,
    /// `CUDA_VISIBLE_DEVICES` of its runs, where it differs from our own.
    pub(super) visible: Option<String>,
    /// Kept for as long as the slot is.
    _lease: Option<Lease>,
}

impl Layout {
    /// Slots for `jobs` runs at a time on `device`, with `threads` threads divided between them.
    ///
    /// # Errors
    /// The device is not there, or cannot hold that many runs.
    pub fn new(device: &str, jobs: usize, threads: usize) -> Result<Self, LayoutError> {
        let name = DeviceName::parse(device)?;
        let numbered = !["auto", "libtorch:cuda"].contains(&device);
        if numbered && jobs > 1 && matches!(name, DeviceName::LibtorchCuda(_)) {
            return Err(LayoutError::OneGpu { device: name, jobs });
        }
        name.open()?;
        let list = std::env::var(VISIBLE).ok();
        let visible = visible(list.as_deref(), device::cuda_devices());
        let gpus = gpus(name, numbered, jobs, visible)?;
        Ok(Self {
            device: name,
            jobs,
            // Equal shares: a run takes as long in one slot as in another.
            threads: (threads / jobs).max(1),
            gpus,
        })
    }

    /// Threads of each run.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// The device as messages name it.
    #[must_use]
    pub fn device(&self) -> String {
        match &self.gpus {
            Gpus::Any(_) if self.jobs > 1 => format!("{} GPUs", self.jobs),
            _ => self.device.to_string(),
        }
    }

    /// Runs at a time.
    #[must_use]
    pub fn jobs(&self) -> usize {
        self.jobs
    }

    /// Takes the slots. Of GPUs without a number the first free ones are taken.
    pub(super) fn take(&self) -> Result<Vec<Slot>, SlotError> {
        if self.gpus == Gpus::None {
            let slot = || self.slot(self.device, None, None);
            return Ok((0..self.jobs).map(|_| slot()).collect());
        }
        let folder = lease_folder();
        create(&folder).map_err(|error| SlotError::Lease(LeaseError::Io(folder.clone(), error)))?;
        self.take_gpus(&folder)
    }

    fn take_gpus(&self, folder: &Path) -> Result<Vec<Slot>, SlotError> {
        let candidates = match &self.gpus {
            Gpus::None => &[][..],
            Gpus::Named(gpu) => std::slice::from_ref(gpu),
            Gpus::Any(gpus) => gpus,
        };
        let (mut slots, mut taken) = (Vec::new(), None);
        for gpu in candidates {
            match Lease::take(&lease_file(folder, gpu), "training on this GPU") {
                Ok(lease) if matches!(self.gpus, Gpus::Named(_)) => {
                    slots.push(self.slot(self.device, None, Some(lease)));
                }
                Ok(lease) => {
                    let (first, only) = (DeviceName::LibtorchCuda(0), Some(gpu.clone()));
                    slots.push(self.slot(first, only, Some(lease)));
                }
                Err(LeaseError::Taken(holder)) => taken = taken.or(Some((gpu.clone(), holder))),
                Err(error) => return Err(SlotError::Lease(error)),
            }
            if slots.len() == self.jobs {
                break;
            }
        }
        match taken {
            Some((gpu, holder)) if slots.len() < self.jobs => Err(SlotError::Taken {
                needed: self.jobs,
                free: slots.len(),
                gpu,
                holder,
            }),
            _ => Ok(slots),
        }
    }

    fn slot(&self, device: DeviceName, visible: Option<String>, lease: Option<Lease>) -> Slot {
        Slot {
            device: device.to_string(),
            threads: self.threads,
            visible,
            _lease: lease,
        }
    }
}

/// Names of the `found` GPUs that this process sees, given what `CUDA_VISIBLE_DEVICES` says.
fn visible(list: Option<&str>, found: usize) -> Vec<String> {
    match list {
        Some(list) if !list.trim().is_empty() => {
            let names = list.split(',').map(|name| name.trim().to_owned());
            names.take(found).collect()
        }
        _ => (0..found).map(|index| index.to_string()).collect(),
    }
}

/// The GPUs that slots can be on, and whether they are enough.
fn gpus(
    device: DeviceName,
    numbered: bool,
    jobs: usize,
    visible: Vec<String>,
) -> Result<Gpus, LayoutError> {
    let DeviceName::LibtorchCuda(index) = device else {
        return Ok(Gpus::None);
    };
    let found = visible.len();
    if numbered {
        let gpu = visible.into_iter().nth(index);
        return gpu
            .map(Gpus::Named)
            .ok_or(LayoutError::TooFew { jobs, found });
    }
    if found < jobs {
        return Err(LayoutError::TooFew { jobs, found });
    }
    Ok(Gpus::Any(visible))
}

/// Folder of the leases of devices: a folder of this user that ends with the session, or one that every process finds.
fn lease_folder() -> PathBuf {
    let base = std::env::var_os("XDG_RUNTIME_DIR").filter(|path| !path.is_empty());
    let base = base.map_or_else(std::env::temp_dir, PathBuf::from);
    #[cfg(unix)]
    let user = rustix::process::getuid().as_raw().to_string();
    #[cfg(not(unix))]
    let user = "user";
    base.join(format!("supcon-{user}"))
}

/// Creates the folder, for its user alone.
fn create(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// File of the lease of a GPU, whose name may be anything that the environment holds.
fn lease_file(folder: &Path, gpu: &str) -> PathBuf {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let gpu: String = gpu.chars().map(plain).collect();
    folder.join(format!("libtorch-cuda-{gpu}.lease"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(device: DeviceName, jobs: usize, gpus: Gpus) -> Layout {
        Layout {
            device,
            jobs,
            threads: 1,
            gpus,
        }
    }

    fn four() -> Vec<String> {
        visible(None, 4)
    }

    #[test]
    fn threads_are_divided_between_slots_and_each_has_one() {
        for (jobs, threads, each) in [(1, 4, 4), (2, 4, 2), (3, 4, 1), (8, 4, 1)] {
            let layout = Layout::new("cpu", jobs, threads).unwrap();
            assert_eq!((layout.threads(), layout.jobs()), (each, jobs));
            assert_eq!(layout.take().unwrap().len(), jobs);
        }
    }

    #[test]
    fn a_gpu_with_a_number_holds_one_run() {
        let error = Layout::new("libtorch:cuda:1", 2, 4).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("`--jobs 2` needs 2 GPUs") && text.contains("libtorch:cuda:1"),
            "{text}"
        );
        let device = DeviceName::LibtorchCuda(1);
        assert_eq!(
            gpus(device, true, 1, four()).unwrap(),
            Gpus::Named("1".into())
        );
    }

    #[test]
    fn gpus_are_known_by_the_names_of_the_outer_list() {
        assert_eq!(visible(Some("3, GPU-8a"), 2), ["3", "GPU-8a"]);
        assert_eq!(visible(Some(""), 0), Vec::<String>::new());
        let device = DeviceName::LibtorchCuda(1);
        let named = gpus(device, true, 1, visible(Some("3,2"), 2)).unwrap();
        assert_eq!(named, Gpus::Named("2".into()));
        let too_few = gpus(DeviceName::LibtorchCuda(0), false, 3, visible(None, 2));
        assert!(matches!(
            too_few,
            Err(LayoutError::TooFew { jobs: 3, found: 2 })
        ));
    }

    #[test]
    fn every_slot_sees_one_gpu_as_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let device = DeviceName::LibtorchCuda(0);
        let slots = layout(device, 3, gpus(device, false, 3, four()).unwrap());
        let slots = slots.take_gpus(folder.path()).unwrap();
        let seen = |slot: &Slot| (slot.device.clone(), slot.visible.clone().unwrap());
        let first = "libtorch:cuda:0".to_owned();
        let expected = ["0", "1", "2"].map(|gpu| (first.clone(), gpu.to_owned()));
        assert_eq!(slots.iter().map(seen).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn two_batches_never_share_a_gpu() {
        let folder = tempfile::tempdir().unwrap();
        let device = DeviceName::LibtorchCuda(0);
        let any = |jobs| layout(device, jobs, Gpus::Any(four()));
        let first = any(3).take_gpus(folder.path()).unwrap();
        let Err(SlotError::Taken {
            needed,
            free,
            gpu,
            holder,
        }) = any(2).take_gpus(folder.path())
        else {
            panic!("five slots on four GPUs");
        };
        assert_eq!((needed, free, gpu.as_str()), (2, 1, "0"));
        assert_eq!(holder.pid, std::process::id());
        let last = any(1).take_gpus(folder.path()).unwrap();
        assert_eq!(last[0].visible.as_deref(), Some("3"));
        let named = layout(DeviceName::LibtorchCuda(1), 1, Gpus::Named("1".into()));
        assert!(named.take_gpus(folder.path()).is_err());
        drop(first);
        let again = named.take_gpus(folder.path()).unwrap();
        assert_eq!(again[0].device, "libtorch:cuda:1");
        assert_eq!(again[0].visible, None);
    }
}
