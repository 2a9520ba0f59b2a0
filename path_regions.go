package alicloudkms

import "github.com/hashicorp/vault/sdk/framework"

func (b *backend) regionPaths() []*framework.Path { return nil }
