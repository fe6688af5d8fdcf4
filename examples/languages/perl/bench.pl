# SPDX-License-Identifier: BSD-2-Clause
# perl bench.pl CALLS PRODUCTS ATTENTIONS
use v5.36;
use FFI::Platypus 2.00;
use FFI::Platypus::Buffer qw(scalar_to_pointer);

my $ffi = FFI::Platypus->new(api => 2, lib => 'libdecoct.so.0');
$ffi->attach(decoct_version => [] => 'uint32');
$ffi->attach(decoct_context_open => ['opaque', 'opaque*'] => 'sint32');
$ffi->attach(decoct_matmul_dense =>
    ['opaque', ('sint64') x 3, ('opaque') x 2, 'sint32', ('opaque') x 2] => 'sint32');
$ffi->attach(decoct_attention_dense => ['opaque', ('sint64') x 6, 'sint32', ('opaque') x 4] => 'sint32');

my ($heads, $seq, $dim) = (12, 128, 64);
my $x = pack 'f*', (0.5) x ($heads * $seq * $dim);
my $y = $x . '';
my ($in, $out) = map { scalar_to_pointer($_) } $x, $y;
my $failed = decoct_context_open(undef, \my $ctx);
$failed |= decoct_version() == 0 for 1 .. $ARGV[0];
$failed |= decoct_matmul_dense($ctx, 16, 16, 16, $in, $in, 0, undef, $out) for 1 .. $ARGV[1];
$failed |= decoct_attention_dense($ctx, 1, $heads, $heads, $seq, $seq, $dim, 1, $in, $in, $in, $out)
    for 1 .. $ARGV[2];
exit $failed;
