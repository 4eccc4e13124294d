//! What a predicate may ask about: a closed table of attributes with their types.

use std::borrow::Cow;

use super::version::Version;
use crate::gpu::Gpu;
use crate::node::{NodeFacts, SlotFacts};

/// Type of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Any text, compared letter by letter.
    Text,
    /// Numbers with dots, such as `570.124.06`, compared number by number.
    Version,
    /// A number.
    Number,
    /// true or false.
    Boolean,
}

impl Kind {
    /// What a value of this type looks like, for error texts.
    #[must_use]
    pub const fn wanted(self) -> &'static str {
        match self {
            Self::Text => "a text in quotes",
            Self::Version => "a version such as '12.4'",
            Self::Number => "a number",
            Self::Boolean => "true or false",
        }
    }
}

/// Declares the closed table of attributes.
macro_rules! attributes {
    ($($(#[doc = $doc:literal])* $variant:ident $name:literal $kind:ident),* $(,)?) => {
        /// Something that a predicate may ask about.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Attribute {
            $($(#[doc = $doc])* $variant,)*
        }

        impl Attribute {
            /// Every attribute, those of the GPU first.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name in predicates.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The type of its values.
            #[must_use]
            pub const fn kind(self) -> Kind {
                match self { $(Self::$variant => Kind::$kind,)* }
            }
        }
    };
}

attributes! {
    /// Product name of the GPU.
    Model "model" Text,
    /// NVML's UUID of the GPU.
    Uuid "uuid" Text,
    /// NVML's index of the GPU on its host.
    Index "index" Number,
    /// Memory of the GPU in MiB.
    VramMib "vram_mib" Number,
    /// Driver version.
    Driver "driver" Version,
    /// CUDA version of the driver, such as 12.4.
    Cuda "cuda" Version,
    /// VBIOS version; it holds letters, so it is compared as text.
    Vbios "vbios" Text,
    /// Enforced power limit in watts.
    PowerLimitW "power_limit_w" Number,
    /// Largest streaming multiprocessor clock in MHz.
    SmClockMaxMhz "sm_clock_max_mhz" Number,
    /// PCIe generation now.
    PcieGeneration "pcie_generation" Number,
    /// PCIe lanes now.
    PcieWidth "pcie_width" Number,
    /// Whether multi-instance mode is on.
    Mig "mig" Boolean,
    /// Name of the node.
    Node "node" Text,
    /// Host name.
    Host "host" Text,
    /// Operating system with version.
    Os "os" Text,
    /// Kernel release.
    Kernel "kernel" Version,
    /// Processor architecture, such as `x86_64`.
    Arch "arch" Text,
    /// Processor name.
    Cpu "cpu" Text,
    /// Logical processors.
    Cpus "cpus" Number,
    /// Main memory in MiB.
    MemoryMib "memory_mib" Number,
    /// Version of the node daemon.
    DaemonVersion "daemon_version" Version,
    /// Position of the slot on its node, from 0.
    Slot "slot" Number,
    /// Version of the model server.
    OllamaVersion "ollama_version" Version,
    /// Address of the model server.
    Endpoint "endpoint" Text,
    /// Number of GPUs in the slot.
    Gpus "gpus" Number,
    /// Where GPU readings come from: nvml, simulated or none.
    Probe "probe" Text,
}

/// A value found on a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found<'a> {
    Text(Cow<'a, str>),
    Version {
        version: Version,
        text: Cow<'a, str>,
    },
    /// In thousandths.
    Number(i64),
    Boolean(bool),
}

impl Attribute {
    /// The attribute of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|attribute| attribute.name() == name)
    }

    /// The value on a slot, for one of its GPUs; `None` when it is not known.
    pub(super) fn of<'a>(
        self,
        node: &'a NodeFacts,
        slot: &'a SlotFacts,
        gpu: Option<&'a Gpu>,
    ) -> Option<Found<'a>> {
        match self {
            Self::Node => Some(text(node.id.as_str())),
            Self::Host => Some(text(&node.host.hostname)),
            Self::Os => node.host.os.as_deref().map(text),
            Self::Kernel => node.host.kernel.as_deref().and_then(version),
            Self::Arch => Some(text(&node.host.arch)),
            Self::Cpu => node.host.cpu.as_deref().map(text),
            Self::Cpus => node.host.cpus.map(whole),
            Self::MemoryMib => node.host.memory.map(|memory| whole(memory.mib())),
            Self::DaemonVersion => version(&node.host.daemon_version),
            Self::Slot => Some(whole(slot.index)),
            Self::OllamaVersion => slot.server.version.as_deref().and_then(version),
            Self::Endpoint => Some(text(&slot.endpoint)),
            Self::Gpus => Some(whole(slot.gpus.len() as u64)),
            Self::Probe => Some(text(slot.probe.name())),
            _ => gpu.and_then(|gpu| self.of_gpu(gpu)),
        }
    }

    fn of_gpu(self, gpu: &Gpu) -> Option<Found<'_>> {
        match self {
            Self::Model => Some(text(&gpu.model)),
            Self::Uuid => Some(text(gpu.uuid.as_str())),
            Self::Index => Some(whole(gpu.index)),
            Self::VramMib => gpu.memory.map(|memory| whole(memory.mib())),
            Self::Driver => gpu.driver.as_deref().and_then(version),
            Self::Cuda => gpu.cuda.and_then(cuda),
            Self::Vbios => gpu.vbios.as_deref().map(text),
            Self::PowerLimitW => gpu.power_limit.map(|limit| Found::Number(i64::from(limit.0))),
            Self::SmClockMaxMhz => gpu.sm_clock_max_mhz.map(whole),
            Self::PcieGeneration => gpu.pcie_generation.map(whole),
            Self::PcieWidth => gpu.pcie_width.map(whole),
            Self::Mig => gpu.mig.map(Found::Boolean),
            _ => None,
        }
    }
}

impl std::fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) | Self::Version { text, .. } => write!(f, "'{text}'"),
            Self::Number(thousandths) => super::literal::write_thousandths(f, *thousandths),
            Self::Boolean(flag) => write!(f, "{flag}"),
        }
    }
}

fn text(text: &str) -> Found<'_> {
    Found::Text(Cow::Borrowed(text))
}

fn whole(number: impl Into<u64>) -> Found<'static> {
    let thousandths = number.into().saturating_mul(1_000);
    Found::Number(i64::try_from(thousandths).unwrap_or(i64::MAX))
}

fn version(text: &str) -> Option<Found<'_>> {
    Version::parse(text).map(|version| Found::Version { version, text: Cow::Borrowed(text) })
}

/// NVML packs 12.4 as 12040.
fn cuda(packed: u32) -> Option<Found<'static>> {
    let text = format!("{}.{}", packed / 1_000, packed % 1_000 / 10);
    Version::parse(&text).map(|version| Found::Version { version, text: Cow::Owned(text) })
}
