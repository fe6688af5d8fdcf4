module decoct

go 1.19
