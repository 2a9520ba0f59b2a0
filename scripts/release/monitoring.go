package main

import (
	"os"
	"path/filepath"
)

// monitoringFiles are the files of dashboards/. They are not below /usr/share/doc, which small systems leave out.
func monitoringFiles(r *Release) (all []packaged, err error) {
	folder := filepath.Join(r.Root, "dashboards")
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			return nil, err
		}
		all = append(all, packaged{"/usr/share/alicloudkms/monitoring/" + entry.Name(), 0o644, content})
	}
	return all, nil
}
