//! What a node says about itself when it registers.

use crate::gpu::Gpu;
use crate::id::NodeId;
use crate::unit::Bytes;

/// Most slots of one node.
pub const SLOTS_MAX: usize = 64;
/// Most models listed per slot.
pub const MODELS_MAX: usize = 4_096;

/// Facts of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFacts {
    /// Host name.
    pub hostname: String,
    /// Operating system and version, such as `Debian GNU/Linux 12 (bookworm)`.
    pub os: Option<String>,
    /// Kernel release.
    pub kernel: Option<String>,
    /// Processor architecture, such as `x86_64`.
    pub arch: String,
    /// Processor name.
    pub cpu: Option<String>,
    /// Logical processors.
    pub cpus: Option<u32>,
    /// Main memory.
    pub memory: Option<Bytes>,
    /// Version of the node daemon.
    pub daemon_version: String,
    /// Id of the current boot, so that a reboot is told from a restart.
    pub boot_id: Option<String>,
}

/// A model that a server has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFacts {
    /// Name with tag, such as `gemma3:latest`.
    pub name: String,
    /// Digest of the manifest, hexadecimal.
    pub digest: String,
    /// Size on disk.
    pub size: Option<Bytes>,
    /// Family, such as `llama`.
    pub family: Option<String>,
    /// Parameters as the server prints them, such as `4.3B`.
    pub parameters: Option<String>,
    /// Quantisation as the server prints it, such as `Q4_K_M`.
    pub quantization: Option<String>,
    /// Layers that can be offloaded.
    pub layers: Option<u32>,
    /// Trained context length in tokens.
    pub context_length: Option<u32>,
}

/// The model server behind a slot, as last seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFacts {
    /// Version as the server reports it; absent when it did not answer.
    pub version: Option<String>,
    /// Models it has, sorted by name.
    pub models: Vec<ModelFacts>,
    /// Why it could not be asked, if so.
    pub error: Option<String>,
}

/// Where a GPU reading comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProbeKind {
    /// The driver's management library.
    Nvml,
    /// A simulated GPU: figures are not of a real device.
    Simulated,
    /// None: no GPU, or no library.
    None,
}

impl ProbeKind {
    /// The name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nvml => "nvml",
            Self::Simulated => "simulated",
            Self::None => "none",
        }
    }
}

/// One slot of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotFacts {
    /// Position, from 0.
    pub index: u16,
    /// Address of the model server, without credentials.
    pub endpoint: String,
    /// GPUs pinned to it; empty for a slot without a GPU.
    pub gpus: Vec<Gpu>,
    /// Where GPU readings come from.
    pub probe: ProbeKind,
    /// Why there is no GPU reading, if so.
    pub probe_note: Option<String>,
    /// The model server.
    pub server: ServerFacts,
}

/// All that a node says at registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeFacts {
    /// The node.
    pub id: NodeId,
    /// The host.
    pub host: HostFacts,
    /// Its slots, 1 to [`SLOTS_MAX`].
    pub slots: Vec<SlotFacts>,
}
