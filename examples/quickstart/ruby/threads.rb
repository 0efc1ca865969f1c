# Lists the threads that an agent can engage: those where a customer's message waits for somebody.

require 'json'
require 'net/http'

PAGE_RECORDS = 150 # the most that one answer holds

def get(path, parameters)
  url = URI("#{ENV.fetch('FRONTDESK_URL')}/1.0#{path}?#{URI.encode_www_form(parameters)}")
  answer = Net::HTTP.get_response(url, 'Authorization' => "Bearer #{ENV.fetch('FRONTDESK_TOKEN')}")
  abort "#{answer.code}: #{answer.body}" unless answer.is_a?(Net::HTTPOK)
  JSON.parse(answer.body)
end

offset = 0
loop do
  page = get('/content_threads', q: 'status_in:new', offset: offset, limit: PAGE_RECORDS)
  page['records'].each do |thread|
    puts "#{thread['id']} #{thread['contents_count']} #{thread['title'] || thread['foreign_id'] || '-'}"
  end
  offset += PAGE_RECORDS
  break if offset >= page['count']
end
