package main

import "slices"

// A Platform is what programs are built for, in Go's terms.
type Platform struct{ OS, Arch string }

func (p Platform) String() string { return p.OS + "_" + p.Arch }

// unix are the platforms of every program.
var unix = []Platform{{"linux", "amd64"}, {"linux", "arm64"}, {"darwin", "amd64"}, {"darwin", "arm64"}}

// A Program is a program of cmd, and says how it is released.
type Program struct {
	Name string
	// Summary is one line, for the packages.
	Summary   string
	Platforms []Platform
	// Packaged is where packages install it.
	Packaged string
	// Stanza returns what registers the file of a plugin. It is nil for other programs.
	Stanza func(file, sum, version string) string
}

// plugins is where packages put plugins. It must not be a plugin_directory: a server would fail if an upgrade changed a
// file that is registered with its checksum, so operators copy the file from here.
const plugins = "/usr/lib/alicloudkms/plugins/"

var (
	server = Program{
		Name:     "alicloudkms",
		Summary:  "KMS service with the API of Alibaba Cloud KMS, and a tool for both",
		Packaged: "/usr/bin/", Platforms: unix,
	}
	engine = Program{
		Name:     "vault-plugin-secrets-alicloudkms",
		Summary:  "Secrets engine of Vault and OpenBao over Alibaba Cloud KMS",
		Packaged: plugins, Platforms: append(slices.Clone(unix), Platform{"windows", "amd64"}), Stanza: engineStanza,
	}
	sealer = Program{
		Name:     "openbao-plugin-kms-alicloudkms",
		Summary:  "Seal and External Keys of OpenBao over Alibaba Cloud KMS",
		Packaged: plugins, Platforms: unix, Stanza: sealStanza,
	}
	sigstore = Program{
		Name:     "sigstore-kms-alicloudkms",
		Summary:  "Plugin of cosign that signs with keys of Alibaba Cloud KMS",
		Packaged: "/usr/bin/", Platforms: unix,
	}
)

// programs are all of cmd; a test compares.
var programs = []Program{server, engine, sealer, sigstore}
