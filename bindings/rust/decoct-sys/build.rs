// SPDX-License-Identifier: BSD-2-Clause
// Finds the library: the folder DECOCT_LIB_DIR, else what pkg-config names.
use std::env;
use std::process::Command;

fn main() {
    for name in ["DECOCT_LIB_DIR", "PKG_CONFIG_PATH", "PKG_CONFIG"] {
        println!("cargo:rerun-if-env-changed={}", name);
    }
    println!("cargo:rustc-link-lib=dylib=decoct");
    if let Ok(folder) = env::var("DECOCT_LIB_DIR") {
        println!("cargo:rustc-link-search=native={}", folder);
        return;
    }
    let tool = env::var("PKG_CONFIG").unwrap_or_else(|_| "pkg-config".to_string());
    let found = Command::new(&tool).args(["--variable=libdir", "decoct"]).output();
    match found {
        Ok(output) if output.status.success() => {
            let folder = String::from_utf8_lossy(&output.stdout);
            println!("cargo:rustc-link-search=native={}", folder.trim());
        }
        _ => panic!(
            "decoct was not found: set DECOCT_LIB_DIR to the folder of libdecoct.so, or \
             PKG_CONFIG_PATH to that of decoct.pc"
        ),
    }
}
