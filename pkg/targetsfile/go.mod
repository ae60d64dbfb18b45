module github.com/alert-history/refresh-sidecar/pkg/targetsfile

go 1.24.0

require github.com/fsnotify/fsnotify v1.9.0

require golang.org/x/sys v0.13.0 // indirect
