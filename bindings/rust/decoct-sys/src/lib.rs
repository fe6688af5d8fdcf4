// SPDX-License-Identifier: BSD-2-Clause
//! Declarations of the C library decoct, written from what the library reports about itself. The
//! crate `decoct` has a safe interface.
#![allow(non_camel_case_types)]

mod abi;
pub use abi::*;

#[cfg(test)]
mod tests {
    use std::ffi::CStr;
    


    /// The part of the library's text that describes a struct or a field, without blanks.
    fn part<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
        let start = text.find(from).unwrap_or_else(|| panic!("the library has no {}", from)) + from.len();
        let end = text[start..].find(to).expect("an end") + start;
        &text[start..end]
    }

    #[test]
    fn structs_are_those_of_the_library() {
        let text = unsafe { CStr::from_ptr(super::decoct_abi_layout()) }.to_str().unwrap();
        let text: String = text.split_whitespace().collect();
        for (name, here) in super::abi::layout() {
            let mut parts = name.split('.');
            let all = part(&text, &format!("\"{}\":{{", parts.next().unwrap()), "]}");
            let found = match parts.next() {
                None => part(all, "\"size\":", ","),
                Some(field) => part(part(all, &format!("\"name\":\"{}\"", field), "}"), "\"offset\":", ","),
            };
            assert_eq!(found, format!("{}", here), "{}", name);
        }
    }

    #[test]
    fn no_field_is_missing() {
        let text = unsafe { CStr::from_ptr(super::decoct_abi_layout()) }.to_str().unwrap();
        let text: String = text.split_whitespace().collect();
        let known = super::abi::layout();
        for (name, _) in known.iter().filter(|(name, _)| !name.contains('.')) {
            let all = part(&text, &format!("\"{}\":{{", name), "]}");
            let here = known.iter().filter(|(n, _)| n.starts_with(&format!("{}.", name))).count();
            assert_eq!(all.matches("\"name\":").count(), here, "{}", name);
        }
    }
}
