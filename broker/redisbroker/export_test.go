package redisbroker

// Kill is the end of the node's process without a word.
func (b *Broker) Kill() {
	b.closed.Store(true)
	b.quit()
	b.running.Wait()
	b.client.Close()
	b.live.Close()
}

// Name is the node's among those that share the server.
func (b *Broker) Name() string { return b.cfg.Node }

// RenewNow renews the node's leases before their time.
func (b *Broker) RenewNow() { b.renew(b.life) }

// Reads is how many reads of history have reached Redis.
func (b *Broker) Reads() uint64 { return b.count.reads.Load() }
