//! Where the runs of a batch train at the same time: each slot has a device and its share of the threads, and a slot on a
//! GPU a lease, so that no two batches share a GPU by accident, whoever started them and wherever their results go. The CPU
//! can be shared and has no lease.

use super::gpus::{self, Gpu, UnknownOrder};
use crate::device::{self, DeviceError, DeviceName};
use crate::record::lease::{self, Holder, Lease, LeaseError};
use std::path::{Path, PathBuf};

/// The slots that were asked for, checked against what is there.
#[derive(Clone, Debug)]
pub struct Layout {
    pub(super) device: DeviceName,
    jobs: usize,
    threads: usize,
    pub(super) gpus: Gpus,
}

/// The GPUs of the slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Gpus {
    /// The device is no GPU.
    None,
    /// The one that was named with its number.
    Named(Gpu),
    /// No number was named: one of these for each slot.
    Any(Vec<Gpu>),
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
    /// Nobody knows which GPU is meant.
    #[error(transparent)]
    Unknown(#[from] UnknownOrder),
}

/// Why the slots could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum SlotError {
    /// Other batches use the GPUs.
    #[error("{needed} GPU(s) needed, {free} free; GPU {gpu} is held by {}", lease::told(.holder.as_ref()))]
    Taken {
        /// Slots.
        needed: usize,
        /// GPUs without a holder.
        free: usize,
        /// The first one that is held.
        gpu: String,
        /// By whom, if that is known.
        holder: Option<Holder>,
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
    /// Kept for as long as the slot is, and by its workers.
    pub(super) lease: Option<Lease>,
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
        let gpus = match name {
            DeviceName::LibtorchCuda(index) => {
                let visible = gpus::visible(device::cuda_devices())?;
                gpus(numbered.then_some(index), jobs, visible)?
            }
            DeviceName::Cpu | DeviceName::Libtorch => Gpus::None,
        };
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
        self.take_gpus(shared_folder()?)
    }

    fn take_gpus(&self, folder: &Path) -> Result<Vec<Slot>, SlotError> {
        let free = self.free_gpus(folder, "training on this GPU")?;
        let slots = free.into_iter().map(|(_, gpu, lease)| {
            if matches!(self.gpus, Gpus::Named(_)) {
                return self.slot(self.device, None, Some(lease));
            }
            let (first, only) = (DeviceName::LibtorchCuda(0), Some(gpu.name.clone()));
            self.slot(first, only, Some(lease))
        });
        Ok(slots.collect())
    }

    /// As many GPUs as there are slots, leased for `what`, each with its place among those that are seen.
    pub(super) fn free_gpus(
        &self,
        folder: &Path,
        what: &str,
    ) -> Result<Vec<(usize, &Gpu, Lease)>, SlotError> {
        let candidates = match &self.gpus {
            Gpus::None => &[][..],
            Gpus::Named(gpu) => std::slice::from_ref(gpu),
            Gpus::Any(gpus) => gpus,
        };
        let (mut free, mut taken) = (Vec::new(), None);
        for (place, gpu) in candidates.iter().enumerate() {
            match Lease::take_shared(&lease_file(folder, &gpu.key), what) {
                Ok(lease) => free.push((place, gpu, lease)),
                Err(LeaseError::Taken(holder)) => {
                    // One that is about to be free is worth waiting for.
                    let ends = holder.as_ref().is_some_and(Holder::is_gone);
                    if taken.is_none() || ends {
                        taken = Some((gpu.name.clone(), holder));
                    }
                }
                Err(error) => return Err(SlotError::Lease(error)),
            }
            if free.len() == self.jobs {
                break;
            }
        }
        match taken {
            Some((gpu, holder)) if free.len() < self.jobs => Err(SlotError::Taken {
                needed: self.jobs,
                free: free.len(),
                gpu,
                holder,
            }),
            _ => Ok(free),
        }
    }

    fn slot(&self, device: DeviceName, visible: Option<String>, lease: Option<Lease>) -> Slot {
        Slot {
            device: device.to_string(),
            threads: self.threads,
            visible,
            lease,
        }
    }
}

/// The GPUs that slots can be on, and whether they are enough; by its number, if one was named.
fn gpus(number: Option<usize>, jobs: usize, visible: Vec<Gpu>) -> Result<Gpus, LayoutError> {
    let found = visible.len();
    if let Some(index) = number {
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

/// Folder of the leases of GPUs: one that all users of a machine find, whatever their session and their `TMPDIR`.
const LEASES: &str = "/tmp/supcon-gpus";

/// The folder of the leases of GPUs, which is there then.
pub(super) fn shared_folder() -> Result<&'static Path, SlotError> {
    let folder = Path::new(LEASES);
    let refused = |error| SlotError::Lease(LeaseError::Io(folder.into(), error));
    open_to_all(folder).map_err(refused)?;
    Ok(folder)
}

/// Creates the folder so that every user may make files in it and nobody remove another's.
fn open_to_all(folder: &Path) -> std::io::Result<()> {
    match std::fs::create_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let about = std::fs::symlink_metadata(folder)?;
            let is_folder = about.is_dir();
            is_folder
                .then_some(())
                .ok_or_else(|| std::io::ErrorKind::NotADirectory.into())
        }
        made => {
            made?;
            #[cfg(unix)]
            {
                let mode = std::os::unix::fs::PermissionsExt::from_mode(0o1777);
                std::fs::set_permissions(folder, mode)?;
            }
            Ok(())
        }
    }
}

/// File of the lease of a GPU, whose name may be anything that the environment holds.
fn lease_file(folder: &Path, gpu: &str) -> PathBuf {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let gpu: String = gpu.chars().map(plain).collect();
    folder.join(format!("libtorch-cuda-{gpu}.lease"))
}

#[cfg(test)]
mod tests {
    use super::super::hold::HoldError;
    use super::*;

    fn layout(device: DeviceName, jobs: usize, gpus: Gpus) -> Layout {
        Layout {
            device,
            jobs,
            threads: 1,
            gpus,
        }
    }

    fn gpu(name: &str) -> Gpu {
        let (name, key) = (name.to_owned(), format!("GPU-{name}"));
        Gpu { name, key }
    }

    fn four() -> Vec<Gpu> {
        ["0", "1", "2", "3"].map(gpu).into()
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
        assert_eq!(gpus(Some(1), 1, four()).unwrap(), Gpus::Named(gpu("1")));
    }

    #[test]
    fn a_number_is_the_place_in_the_outer_list() {
        let named = gpus(Some(1), 1, ["3", "2"].map(gpu).into()).unwrap();
        assert_eq!(named, Gpus::Named(gpu("2")));
        let too_few = gpus(None, 3, four()[..2].to_vec());
        assert!(matches!(
            too_few,
            Err(LayoutError::TooFew { jobs: 3, found: 2 })
        ));
    }

    #[test]
    fn a_gpu_by_another_name_is_held_too() {
        let folder = tempfile::tempdir().unwrap();
        let device = DeviceName::LibtorchCuda(0);
        let by = |name: &str| Gpu {
            name: name.into(),
            ..gpu("1")
        };
        let layout = |name| layout(device, 1, Gpus::Any(vec![by(name)]));
        let _first = layout("1").take_gpus(folder.path()).unwrap();
        for name in ["0", "GPU-1"] {
            let taken = layout(name).take_gpus(folder.path());
            assert!(matches!(taken, Err(SlotError::Taken { .. })), "{name}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn leases_of_gpus_are_open_to_every_user() {
        use std::os::unix::fs::PermissionsExt;
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("gpus");
        for _ in 0..2 {
            open_to_all(&folder).unwrap();
        }
        let layout = layout(DeviceName::LibtorchCuda(0), 1, Gpus::Any(four()));
        let _slots = layout.take_gpus(&folder).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode(&folder), 0o1777);
        assert_eq!(mode(&lease_file(&folder, "GPU-0")), 0o666);
        let link = parent.path().join("link");
        std::os::unix::fs::symlink(&folder, &link).unwrap();
        assert!(open_to_all(&link).is_err(), "nobody leads us elsewhere");
    }

    #[test]
    fn every_slot_sees_one_gpu_as_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let device = DeviceName::LibtorchCuda(0);
        let slots = layout(device, 3, gpus(None, 3, four()).unwrap());
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
            gpu: taken,
            holder,
        }) = any(2).take_gpus(folder.path())
        else {
            panic!("five slots on four GPUs");
        };
        assert_eq!((needed, free, taken.as_str()), (2, 1, "0"));
        let ours = format!("process {} on ", std::process::id());
        let holder = holder.unwrap();
        assert!(holder.to_string().starts_with(&ours), "{holder}");
        assert!(!holder.is_gone());
        let last = any(1).take_gpus(folder.path()).unwrap();
        assert_eq!(last[0].visible.as_deref(), Some("3"));
        let named = layout(DeviceName::LibtorchCuda(1), 1, Gpus::Named(gpu("1")));
        assert!(named.take_gpus(folder.path()).is_err());
        drop(first);
        let again = named.take_gpus(folder.path()).unwrap();
        assert_eq!(again[0].device, "libtorch:cuda:1");
        assert_eq!(again[0].visible, None);
    }

    #[cfg(unix)]
    #[test]
    fn of_two_held_gpus_the_one_that_is_about_to_be_free_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let device = DeviceName::LibtorchCuda(0);
        let any = |jobs| layout(device, jobs, Gpus::Any(four()[..2].to_vec()));
        let _both = any(2).take_gpus(folder.path()).unwrap();
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let (gone, ours) = (child.id(), std::process::id());
        child.wait().unwrap();
        let path = lease_file(folder.path(), "GPU-1");
        let name = std::fs::read_to_string(&path).unwrap();
        let pid = |id: u32| format!("\"pid\":{id}");
        std::fs::write(&path, name.replace(&pid(ours), &pid(gone))).unwrap();
        let Err(SlotError::Taken { gpu, holder, .. }) = any(1).take_gpus(folder.path()) else {
            panic!("both are held");
        };
        assert_eq!(gpu, "1");
        assert!(holder.is_some_and(|holder| holder.is_gone()));
    }

    #[test]
    fn a_process_that_computes_itself_and_a_batch_never_share_a_gpu() {
        let folder = tempfile::tempdir().unwrap();
        let device = DeviceName::LibtorchCuda(0);
        let any = |jobs| layout(device, jobs, Gpus::Any(four()));
        let bench = any(1)
            .hold_gpu(folder.path(), "measuring on this GPU")
            .unwrap();
        assert_eq!(bench.device, DeviceName::LibtorchCuda(0));
        let named = layout(device, 1, Gpus::Named(gpu("0")));
        let refused = named.take_gpus(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("GPU 0 is held by process "), "{refused}");
        assert!(refused.ends_with("(measuring on this GPU)"), "{refused}");
        let batch = any(2).take_gpus(folder.path()).unwrap();
        assert_eq!(batch[0].visible.as_deref(), Some("1"));
        // The one that is left, by its place among all of them.
        let replay = any(1).hold_gpu(folder.path(), "replaying").unwrap();
        assert_eq!(replay.device, DeviceName::LibtorchCuda(3));
        let error = HoldError::from(any(1).hold_gpu(folder.path(), "too late").unwrap_err());
        assert_eq!((error.exit_code(), error.code()), (6, None));
        drop((bench, batch));
        let third = layout(DeviceName::LibtorchCuda(2), 1, Gpus::Named(gpu("2")));
        let held = third.hold_gpu(folder.path(), "again").unwrap();
        assert_eq!(held.device, DeviceName::LibtorchCuda(2));
    }
}
