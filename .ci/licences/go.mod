module innius_exporter_licence_check

go 1.26.0

require github.com/google/licensecheck v0.3.1
