# Lists the tasks that wait or ring: what customers wrote, on its way to an agent.

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
  page = get('/tasks', queue: 'global', offset: offset, limit: PAGE_RECORDS)
  page['records'].each do |task|
    puts "#{task['id']} #{task['priority']} #{task['thread_id']}"
  end
  offset += PAGE_RECORDS
  break if offset >= page['count']
end
