package main

import (
	"bytes"
	"context"

	"github.com/CycloneDX/cyclonedx-go"
	"github.com/CycloneDX/cyclonedx-gomod/pkg/generate/bin"
	"github.com/rs/zerolog"
)

// boms writes what each program is made of, as CycloneDX, from what the linker has recorded in the program: modules
// that go.mod has but the program does not use are not in it. It has no serial number and no time, which would be
// different in each build.
func boms(_ context.Context, r *Release, all []Built) error {
	for _, b := range all {
		bom, err := bomOf(b.File, r.Version)
		if err != nil {
			return err
		}
		var out bytes.Buffer
		if err := cyclonedx.NewBOMEncoder(&out, cyclonedx.BOMFileFormatJSON).SetPretty(true).Encode(bom); err != nil {
			return err
		}
		if err := r.write(r.name(b, ".cdx.json"), out.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

func bomOf(file, version string) (*cyclonedx.BOM, error) {
	generator, err := bin.NewGenerator(file, bin.WithIncludeStdlib(true), bin.WithVersionOverride(version),
		bin.WithLogger(zerolog.Nop()))
	if err != nil {
		return nil, err
	}
	return generator.Generate()
}
