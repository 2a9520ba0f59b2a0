package vault

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/hashicorp/vault/api"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers"
)

// Plugin is a secrets plugin. Its file is in a folder that holds nothing but plugins.
type Plugin struct{ Name, File, Version string }

// StartSingle starts a server on its own, with new data in dir and the plugin in its catalog. It is unsealed, and the
// caller stops it. The path of dir is short, since a plugin's socket is below it, whose path is limited to 104 bytes.
// More arguments of `vault server` may follow.
func StartSingle(ctx context.Context, program, dir string, plugin Plugin, arguments ...string) (*Server, error) {
	s := &Server{
		Program: program, Dir: filepath.Join(dir, "vault"), Home: filepath.Join(dir, "h"), Address: servers.AnyPort,
		Arguments: arguments,
	}
	s.Config = func() string { return s.single(filepath.Dir(plugin.File)) }
	if err := s.MakeFolders(); err != nil {
		return nil, err
	}
	if err := s.startWith(ctx, plugin); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// startWith starts a new server and makes it ready.
func (s *Server) startWith(ctx context.Context, plugin Plugin) error {
	if err := s.Start(ctx); err != nil {
		return err
	}
	if _, err := s.Initialize(ctx, &api.InitRequest{SecretShares: 1, SecretThreshold: 1}); err != nil {
		return err
	}
	return s.Register(ctx, plugin.Name, plugin.File, plugin.Version)
}

// single is the configuration of a server on its own.
func (s *Server) single(plugins string) string {
	return fmt.Sprintf(`
storage "raft" {
  path    = %q
  node_id = "single"
}
listener "tcp" {
  address     = %q
  tls_disable = true
}
api_addr         = "http://127.0.0.1:1"
cluster_addr     = "https://127.0.0.1:1"
plugin_directory = %q
disable_mlock    = true
`, s.Storage(), s.Address, plugins)
}
