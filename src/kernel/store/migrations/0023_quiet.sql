-- Quiet hours of one address, as written; none: those of the person of the subscription, else of the channel.
ALTER TABLE routes ADD COLUMN quiet TEXT;
CREATE INDEX idx_routes_quiet ON routes (id) WHERE quiet IS NOT NULL;
