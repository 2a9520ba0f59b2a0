package alicloudkms

import "github.com/hashicorp/vault/sdk/framework"

func (b *backend) registerPaths() []*framework.Path { return nil }
