package alicloudkms

import "github.com/hashicorp/vault/sdk/framework"

func (b *backend) importPaths() []*framework.Path { return nil }
