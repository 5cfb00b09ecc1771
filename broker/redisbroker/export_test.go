package redisbroker

// Kill is the end of the node's process without a word.
func (b *Broker) Kill() {
	b.closed.Store(true)
	b.quit()
	b.running.Wait()
	b.client.Close()
	b.live.Close()
}
