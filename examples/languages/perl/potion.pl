# SPDX-License-Identifier: BSD-2-Clause
# perl potion.pl HEADS KV_HEADS SEQ HEAD_DIM SEED, with FFI::Platypus (Debian: libffi-platypus-perl).
# A packed string is an array of C without a copy: scalar_to_pointer($string). Keep the string while C uses it.
use v5.36;
use FFI::Platypus 2.00;
use FFI::Platypus::Buffer qw(scalar_to_pointer);

my $ffi = FFI::Platypus->new(api => 2, lib => 'libdecoct.so.0');
sub import_c ($name, $result, @arguments) { $ffi->attach("decoct_$name" => \@arguments => $result) }
import_c(context_open    => 'sint32', 'opaque', 'opaque*');
import_c(context_close   => 'void', 'opaque');
import_c(last_error      => 'string', 'opaque');
import_c(attention_dense => 'sint32', 'opaque', ('sint64') x 6, 'sint32', ('opaque') x 4);
import_c(default_model   => 'sint32', 'opaque', 'opaque', 'uint64', 'uint64*');
import_c(model_open      => 'sint32', 'opaque', 'string', 'opaque*');
import_c(model_close     => 'void', 'opaque');
import_c(model_vocabulary => 'sint64', 'opaque');
import_c(encode => 'sint32', 'opaque', 'opaque', 'string', 'uint64', 'opaque', 'sint64', 'sint64*');
import_c(decode => 'sint32', 'opaque', 'opaque', 'sint32*', 'sint64', 'opaque', 'uint64', 'uint64*');
import_c(session_create  => 'sint32', 'opaque', 'opaque', 'sint64', 'opaque*');
import_c(session_destroy => 'void', 'opaque');
import_c(session_eval => 'sint32', 'opaque', 'opaque', 'opaque', 'sint64', 'sint32', 'opaque');

my $ctx;

sub need ($status) {
    die decoct_last_error($ctx), "\n" if $status;
}

sub numbers ($count, $state) {
    my @x = map { $$state = $$state * 48271 % 2147483647; $$state % 65536 / 32768 - 1 } 1 .. $count;
    return pack 'f*', @x;
}

sub attention ($heads, $kv_heads, $seq, $dim, $seed) {
    my ($q, $k, $v) = map { numbers($_ * $seq * $dim, \$seed) } $heads, $kv_heads, $kv_heads;
    my $out = "\0" x length $q;
    need(decoct_attention_dense($ctx, 1, $heads, $kv_heads, $seq, $seq, $dim, 1,
        map { scalar_to_pointer($_) } $q, $k, $v, $out));
    use integer;    # products wrap around
    no warnings 'portable';
    my $hash = 0xcbf29ce484222325;
    $hash = ($hash ^ $_) * 0x100000001b3 for unpack 'C*', $out;
    return sprintf '%016x', $hash;
}

sub next_word ($text) {
    my ($folder, $word, $ids) = ("\0" x 4096, "\0" x 64, "\0" x (4 * length $text));
    need(decoct_default_model($ctx, scalar_to_pointer($folder), 4096, \my $length));
    need(decoct_model_open($ctx, unpack('Z*', $folder), \my $model));
    need(decoct_encode($ctx, $model, $text, length $text, scalar_to_pointer($ids), length $text, \my $count));
    need(decoct_session_create($ctx, $model, 0, \my $session));
    my $logits = "\0" x (4 * decoct_model_vocabulary($model));
    need(decoct_session_eval($ctx, $session, scalar_to_pointer($ids), $count, 0, scalar_to_pointer($logits)));
    my ($best, @logits) = (0, unpack 'f*', $logits);
    for (keys @logits) { $best = $_ if $logits[$_] > $logits[$best] }
    need(decoct_decode($ctx, $model, \$best, 1, scalar_to_pointer($word), 64, \$length));
    decoct_session_destroy($session);
    decoct_model_close($model);
    return substr $word, 0, $length;
}

need(decoct_context_open(undef, \$ctx));
my $text = 'Sarah lies still on the bed, feeling';
say attention(@ARGV);
say $text . next_word($text);
decoct_context_close($ctx);
