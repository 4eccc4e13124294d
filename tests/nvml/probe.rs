//! The probe alone, device by device.

use std::fs;
use std::path::Path;

use chimera_agent_node::gpu::nvml::NvmlProbe;
use chimera_agent_node::gpu::{GpuProbe as _, ProbeError, XidEvent};
use chimera_core::gpu::{Gpu, GpuSample};
use chimera_core::id::GpuUuid;
use chimera_core::unit::{Bytes, Milliwatts};

use crate::library::{HEAD, Library, device, uuid};

fn open(library: &Library) -> NvmlProbe {
    NvmlProbe::open(Some(&library.path())).unwrap()
}

fn sample(probe: &mut NvmlProbe, number: u32) -> GpuSample {
    probe.sample(&GpuUuid::new(&uuid(number)).unwrap()).unwrap()
}

#[test]
fn every_device_is_told_with_what_it_supports() {
    let mute = "unsupported = [\"nvmlDeviceGetPowerUsage\", \"nvmlDeviceGetEnforcedPowerLimit\", \
                \"nvmlDeviceGetTotalEnergyConsumption\", \"nvmlDeviceGetPerformanceState\"]";
    let script =
        [HEAD, &device(1, "power_mw = 410000\nmig = false"), &device(2, mute), &device(3, "mig = true")];
    let library = Library::with(&script.concat());
    let mut probe = open(&library);
    let gpus = probe.inventory().unwrap();
    let seen: Vec<(u32, Option<bool>, Option<Milliwatts>, bool)> =
        gpus.iter().map(|gpu| (gpu.index, gpu.mig, gpu.power_limit, gpu.energy_counter)).collect();
    let limit = Some(Milliwatts(700_000));
    assert_eq!(seen, [(0, Some(false), limit, true), (1, None, None, false), (2, Some(true), limit, true)]);
    check_identity(&gpus[0]);
    assert_eq!(sample(&mut probe, 1).power, Some(Milliwatts(410_000)));
    let silent = sample(&mut probe, 2);
    assert_eq!(
        (silent.power, silent.power_limit, silent.energy, silent.performance_state),
        (None, None, None, None)
    );
    assert_eq!((silent.temperature_c, silent.lost), (Some(55), false), "the rest is still read");
    assert_eq!(probe.note(), None);
}

fn check_identity(gpu: &Gpu) {
    assert_eq!(gpu.uuid.as_str(), uuid(1));
    assert_eq!((gpu.model.as_str(), gpu.memory), ("NVIDIA H100 80GB HBM3", Some(Bytes(81_559 << 20))));
    assert_eq!((gpu.driver.as_deref(), gpu.cuda), (Some("570.124.06"), Some(12_080)));
}

#[test]
fn processes_are_listed_as_they_come_and_an_empty_list_is_no_unknown() {
    let processes = "processes = [{ pid = 4242, memory = 1073741824 }]";
    let unknown = "unsupported = [\"nvmlDeviceGetComputeRunningProcesses_v3\"]";
    let library = Library::with(&[HEAD, &device(1, processes), &device(2, ""), &device(3, unknown)].concat());
    let mut probe = open(&library);
    let one = sample(&mut probe, 1).processes.unwrap();
    assert_eq!((one[0].pid, one[0].memory), (4_242, Some(Bytes(1 << 30))));
    assert_eq!(sample(&mut probe, 2).processes, Some(Vec::new()));
    assert_eq!(sample(&mut probe, 3).processes, None);
}

#[test]
fn an_xid_event_is_told_once_to_who_listened_before() {
    let keys = "xid = 79\nxid_with = \"burst\"";
    let mute = "unsupported = [\"nvmlDeviceGetSupportedEventTypes\"]";
    let library = Library::with(&[HEAD, &device(1, keys), &device(2, mute)].concat());
    let probe = open(&library);
    let gpus = [uuid(1), uuid(2)].map(|uuid| GpuUuid::new(&uuid).unwrap());
    let mut early = probe.listen(&gpus);
    assert_eq!((early.hears(&gpus[0]), early.hears(&gpus[1])), (true, false));
    assert_eq!(early.next(), None);
    fs::write(library.folder().join("burst"), "").unwrap();
    assert_eq!(early.next(), Some(XidEvent { gpu: gpus[0].clone(), number: Some(79) }));
    assert_eq!(early.next(), None);
    assert_eq!(probe.listen(&gpus).next(), None, "it is over");
    let library = Library::with(&[HEAD, &device(1, "")].concat()).without("nvmlDeviceRegisterEvents");
    let old = open(&library);
    assert!(!old.listen(&gpus[..1]).hears(&gpus[0]), "an older driver is no error");
}

#[test]
fn a_lost_gpu_is_a_sample_that_says_so_and_hides_no_other() {
    let library = Library::with(&[HEAD, &device(1, "lost_with = \"fell\""), &device(2, "")].concat());
    let mut probe = open(&library);
    assert!(!sample(&mut probe, 1).lost);
    fs::write(library.folder().join("fell"), "").unwrap();
    let lost = sample(&mut probe, 1);
    assert!(lost.lost && lost.power.is_none() && lost.temperature_c.is_none(), "{lost:?}");
    assert!(!sample(&mut probe, 2).lost);
    let left = probe.inventory().unwrap();
    assert_eq!(left.iter().map(|gpu| gpu.uuid.as_str()).collect::<Vec<_>>(), [uuid(2)]);
    let note = probe.note().unwrap();
    assert!(note.contains("GPU 0") && note.contains("fell off the bus"), "{note}");
}

#[test]
fn a_gpu_that_was_never_there_is_unknown() {
    let library = Library::with(&[HEAD, &device(1, "")].concat());
    let error = open(&library).sample(&GpuUuid::new(&uuid(9)).unwrap()).unwrap_err();
    assert!(matches!(error, ProbeError::Unknown(_)), "{error}");
}

#[test]
fn a_missing_function_costs_its_field_or_is_named() {
    let script = [HEAD, &device(1, "")].concat();
    let library = Library::with(&script).without("nvmlDeviceGetPowerUsage");
    let mut probe = open(&library);
    let seen = sample(&mut probe, 1);
    assert_eq!((seen.power, seen.temperature_c), (None, Some(55)));
    let library = Library::with(&script).without("nvmlDeviceGetCount_v2");
    let error = open(&library).inventory().unwrap_err();
    assert!(matches!(&error, ProbeError::SymbolMissing(_)), "{error}");
    let library = Library::with(&script).without("nvmlInit_v2");
    let error = NvmlProbe::open(Some(&library.path())).unwrap_err();
    assert!(
        error.to_string().contains("nvmlInit_v2") && error.to_string().contains("update the driver"),
        "{error}"
    );
}

#[test]
fn a_driver_that_is_not_loaded_and_a_file_that_is_no_library_are_told_apart() {
    let library = Library::with("driver = \"1\"\ncuda = 1\ninit_code = 9\n");
    let error = NvmlProbe::open(Some(&library.path())).unwrap_err();
    assert!(matches!(error, ProbeError::Driver(_)), "{error}");
    let missing = NvmlProbe::open(Some(Path::new("/nowhere/libnvidia-ml.so.1"))).unwrap_err();
    assert!(missing.to_string().contains("install the driver"), "{missing}");
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("libnvidia-ml.so.1");
    fs::write(&text, "no library").unwrap();
    let error = NvmlProbe::open(Some(&text)).unwrap_err();
    assert!(matches!(error, ProbeError::LibraryMissing(_)), "{error}");
}
