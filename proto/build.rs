//! Compiles the .proto files with protox: no protoc is needed on any machine.

use std::path::PathBuf;

use prost::Message;

const FILES: [&str; 6] = [
    "chimera/fleet/v1/attempt.proto",
    "chimera/fleet/v1/fleet.proto",
    "chimera/fleet/v1/journal.proto",
    "chimera/fleet/v1/node.proto",
    "chimera/fleet/v1/operator.proto",
    "chimera/fleet/v1/sweep.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile(FILES, ["proto"])?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("fleet_descriptors.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure().bytes(".chimera.fleet.v1.Batch.payload").compile_fds(descriptors)?;
    Ok(())
}
