package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb" // A format that nfpm.Get knows.
	"github.com/goreleaser/nfpm/v2/files"
	_ "github.com/goreleaser/nfpm/v2/rpm" // A format that nfpm.Get knows.
)

// formats are the packages that are written.
var formats = []string{"deb", "rpm"}

// A packaged file is a file that a package installs.
type packaged struct {
	path    string
	mode    os.FileMode
	content []byte
}

// packages writes a deb and an rpm of each program for Linux. A package has no file in /etc and none in /var, so that
// nothing there is replaced or removed, whatever happens to the package.
func packages(ctx context.Context, r *Release, all []Built) error {
	work, err := os.MkdirTemp("", "release-packages-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }() // It is in the folder for temporary files.
	extras, err := serviceFiles(ctx, r, all, work)
	if err != nil {
		return err
	}
	for _, b := range all {
		if b.OS != "linux" {
			continue
		}
		for _, format := range formats {
			if err := r.pack(b, format, extras[format], work); err != nil {
				return err
			}
		}
	}
	return nil
}

// pack writes one package; extras are the files of the service's package besides the program.
func (r *Release) pack(b Built, format string, extras []packaged, work string) error {
	program, err := os.ReadFile(b.File)
	if err != nil {
		return err
	}
	license, err := os.ReadFile(filepath.Join(r.Root, "LICENSE"))
	if err != nil {
		return err
	}
	contents := []packaged{
		{b.Packaged + b.Name, 0o755, program},
		{"/usr/share/doc/" + b.Name + "/copyright", 0o644, license},
	}
	var scripts nfpm.Scripts
	if b.Name == server.Name {
		contents = append(contents, extras...)
		scripts = r.scripts()
	}
	info, err := r.describe(b, contents, filepath.Join(work, b.Name+"-"+b.Arch+"-"+format))
	if err != nil {
		return err
	}
	info.Scripts = scripts
	return r.writePackage(info, format)
}

// scripts are the scripts of the service's packages; rpm and dpkg run the same.
func (r *Release) scripts() nfpm.Scripts {
	folder := filepath.Join(r.Root, "scripts", "release", "package")
	return nfpm.Scripts{
		PostInstall: filepath.Join(folder, "after-install.sh"),
		PreRemove:   filepath.Join(folder, "before-remove.sh"),
		PostRemove:  filepath.Join(folder, "after-remove.sh"),
	}
}

// describe writes the files to a folder, from which nfpm reads them, and describes the package.
func (r *Release) describe(b Built, contents []packaged, folder string) (*nfpm.Info, error) {
	info := &nfpm.Info{
		Name: b.Name, Arch: b.Arch, Platform: b.OS, Version: r.Version, MTime: r.Time, Section: "admin",
		Maintainer: "The maintainers of " + module, Description: b.Summary,
		Homepage: "https://" + module, License: "MPL-2.0",
	}
	info.RPM.BuildHost = "localhost" // The default is this machine's name.
	info.DisableGlobbing = true
	for _, file := range contents {
		source := filepath.Join(folder, file.path)
		if err := os.MkdirAll(filepath.Dir(source), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(source, file.content, 0o600); err != nil {
			return nil, err
		}
		info.Contents = append(info.Contents, &files.Content{
			Source: source, Destination: file.path,
			FileInfo: &files.ContentFileInfo{Mode: file.mode, MTime: r.Time},
		})
	}
	return info, nil
}

func (r *Release) writePackage(info *nfpm.Info, format string) error {
	packager, err := nfpm.Get(format)
	if err != nil {
		return err
	}
	info = nfpm.WithDefaults(info)
	if err := nfpm.PrepareForPackager(info, format); err != nil {
		return err
	}
	var out bytes.Buffer
	name := packager.ConventionalFileName(info)
	if err := packager.Package(info, &out); err != nil {
		return err
	}
	return r.write(name, out.Bytes())
}
