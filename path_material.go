package alicloudkms

import "github.com/hashicorp/vault/sdk/framework"

func (b *backend) materialPaths() []*framework.Path { return nil }
